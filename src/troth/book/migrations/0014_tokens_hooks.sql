-- API tokens, and what is told to addresses that the owner entered.

CREATE TABLE tokens (
    "token_id" VARCHAR NOT NULL,
    "name" VARCHAR NOT NULL,
    "hash" VARCHAR NOT NULL,
    "role" VARCHAR NOT NULL,
    "person" VARCHAR,
    "needs" VARCHAR[] NOT NULL,
    "made_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "revoked_at" TIMESTAMPTZ,
    "used_at" TIMESTAMPTZ
);

CREATE TABLE hook_events (
    "event_id" VARCHAR NOT NULL,
    "hook_id" VARCHAR NOT NULL,
    "kind" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "relationship" VARCHAR,
    "subject" VARCHAR,
    "turn_id" VARCHAR,
    "state" VARCHAR NOT NULL,
    "tries" INTEGER NOT NULL,
    "next_at" TIMESTAMPTZ,
    "problem" VARCHAR,
    "sent_at" TIMESTAMPTZ
);

CREATE TABLE hook_levels (
    "relationship" VARCHAR NOT NULL,
    "gauge" VARCHAR NOT NULL,
    "percentile" DOUBLE PRECISION NOT NULL,
    "low" DOUBLE PRECISION NOT NULL,
    "high" DOUBLE PRECISION NOT NULL,
    "at" TIMESTAMPTZ NOT NULL
);
