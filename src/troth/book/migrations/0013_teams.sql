-- For teams: who looked at what, published figures of groups, and closes that go out by mail.

CREATE TABLE audit (
    "number" BIGINT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "who" VARCHAR,
    "role" VARCHAR,
    "action" VARCHAR NOT NULL,
    "object" VARCHAR,
    "outcome" VARCHAR NOT NULL,
    "who_salt" VARCHAR,
    "object_salt" VARCHAR,
    "who_hash" VARCHAR NOT NULL,
    "object_hash" VARCHAR NOT NULL,
    "previous" VARCHAR NOT NULL,
    "seal" VARCHAR NOT NULL
);

CREATE TABLE team_figures (
    "period" VARCHAR NOT NULL,
    "team" VARCHAR NOT NULL,
    "published_at" TIMESTAMPTZ NOT NULL,
    "withheld" VARCHAR,
    "people" BIGINT,
    "relationships" BIGINT,
    "turns" BIGINT,
    "shown_mid" DOUBLE PRECISION,
    "shown_low" DOUBLE PRECISION,
    "shown_high" DOUBLE PRECISION,
    "held_mid" DOUBLE PRECISION,
    "held_low" DOUBLE PRECISION,
    "held_high" DOUBLE PRECISION,
    "promises" BIGINT,
    "kept" DOUBLE PRECISION,
    "questions" BIGINT,
    "answered" DOUBLE PRECISION
);

CREATE TABLE digests (
    "person" VARCHAR NOT NULL,
    "day" VARCHAR NOT NULL,
    "message_id" VARCHAR NOT NULL,
    "made_at" TIMESTAMPTZ NOT NULL,
    "state" VARCHAR NOT NULL,
    "attempts" INTEGER NOT NULL,
    "tried_at" TIMESTAMPTZ,
    "problem" VARCHAR,
    "sent_at" TIMESTAMPTZ
);
