-- What people said against readings; the latest of an objection counts.

CREATE TABLE objections (
    "objection_id" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "state" VARCHAR NOT NULL,
    "by" VARCHAR NOT NULL,
    "note" VARCHAR,
    "turn_id" VARCHAR NOT NULL,
    "facet" VARCHAR NOT NULL,
    "signal" VARCHAR NOT NULL,
    "start" INTEGER,
    "end" INTEGER,
    "text" VARCHAR,
    "probability" REAL
);
