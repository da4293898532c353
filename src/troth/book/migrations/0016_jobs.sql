-- Long jobs of a served book.

CREATE TABLE jobs (
    "job_id" VARCHAR NOT NULL,
    "kind" VARCHAR NOT NULL,
    "asked" VARCHAR NOT NULL,
    "by" VARCHAR NOT NULL,
    "state" VARCHAR NOT NULL,
    "made_at" TIMESTAMPTZ NOT NULL,
    "tries" INTEGER NOT NULL,
    "worker" VARCHAR,
    "lease_until" TIMESTAMPTZ,
    "ended_at" TIMESTAMPTZ,
    "told" VARCHAR,
    "problem" VARCHAR
);
