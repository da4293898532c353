-- What was forgotten, as hashes, and the closed days that were sealed once more without a name.

CREATE TABLE resealed (
    "day" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "scored" VARCHAR NOT NULL
);

CREATE TABLE forgotten (
    "erasure" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "kind" VARCHAR NOT NULL,
    "hash" VARCHAR NOT NULL
);
