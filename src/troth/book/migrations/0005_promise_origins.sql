-- A promise may come from an offer or a request that was accepted: its act, where it comes from, and the other turn.
ALTER TABLE promises ADD COLUMN "act" VARCHAR;
ALTER TABLE promises ADD COLUMN "origin" VARCHAR;
ALTER TABLE promises ADD COLUMN "origin_turn_id" VARCHAR;
