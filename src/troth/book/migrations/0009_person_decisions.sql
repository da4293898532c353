-- Who is who, as people said: names joined into one person or parted, and what was taken back.

CREATE TABLE person_decisions (
    "decision_id" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "kind" VARCHAR NOT NULL,
    "left" VARCHAR[] NOT NULL,
    "right" VARCHAR[] NOT NULL,
    "by" VARCHAR NOT NULL,
    "note" VARCHAR,
    "undoes" VARCHAR
);
