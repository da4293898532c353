-- The closed days, each sealed with all before it, and the forecasts that were scored on them.

CREATE TABLE closings (
    "day" VARCHAR NOT NULL,
    "zone" VARCHAR NOT NULL,
    "evening" TIMESTAMPTZ NOT NULL,
    "closed_at" TIMESTAMPTZ NOT NULL,
    "readings" BIGINT NOT NULL,
    "came" BIGINT NOT NULL,
    "went" BIGINT NOT NULL,
    "relationships" BIGINT NOT NULL,
    "forecasts" BIGINT NOT NULL,
    "made_with" VARCHAR NOT NULL,
    "news" VARCHAR NOT NULL,
    "levels" VARCHAR NOT NULL,
    "scored" VARCHAR NOT NULL,
    "previous" VARCHAR NOT NULL,
    "seal" VARCHAR NOT NULL
);

CREATE TABLE forecasts (
    "day" VARCHAR NOT NULL,
    "number" INTEGER NOT NULL,
    "relationship" VARCHAR NOT NULL,
    "facet" VARCHAR NOT NULL,
    "kind" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "turn_id" VARCHAR,
    "previous" INTEGER,
    "outcome" INTEGER NOT NULL,
    "model" DOUBLE PRECISION[] NOT NULL,
    "base" DOUBLE PRECISION[] NOT NULL,
    "last" DOUBLE PRECISION[] NOT NULL,
    "markov" DOUBLE PRECISION[] NOT NULL,
    "typical" DOUBLE PRECISION[] NOT NULL,
    "pit" DOUBLE PRECISION,
    "log_density" DOUBLE PRECISION
);
