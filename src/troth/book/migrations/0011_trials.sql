-- Trials of a practice: what was stated beforehand, which accounts the lot gave it to, and every reading.

CREATE TABLE trials (
    "trial_id" VARCHAR NOT NULL,
    "practice" VARCHAR NOT NULL,
    "words" VARCHAR NOT NULL,
    "facet" VARCHAR,
    "seen_by" VARCHAR,
    "circle" VARCHAR NOT NULL,
    "outcome" VARCHAR NOT NULL,
    "stated_at" TIMESTAMPTZ NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL,
    "until" TIMESTAMPTZ NOT NULL,
    "seed" BIGINT NOT NULL,
    "least_effect" DOUBLE PRECISION,
    "error" DOUBLE PRECISION,
    "basis" VARCHAR,
    "analysis" VARCHAR NOT NULL,
    "by" VARCHAR NOT NULL,
    "stopped_at" TIMESTAMPTZ,
    "note" VARCHAR
);

CREATE TABLE trial_accounts (
    "trial_id" VARCHAR NOT NULL,
    "number" INTEGER NOT NULL,
    "relationship" VARCHAR,
    "arm" VARCHAR NOT NULL,
    "block" INTEGER NOT NULL,
    "level" DOUBLE PRECISION NOT NULL,
    "size" INTEGER NOT NULL
);

CREATE TABLE trial_looks (
    "trial_id" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "is_early" BOOLEAN NOT NULL,
    "effect" DOUBLE PRECISION,
    "low" DOUBLE PRECISION,
    "high" DOUBLE PRECISION,
    "p" DOUBLE PRECISION
);
