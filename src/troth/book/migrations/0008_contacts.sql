-- What exports say of people and firms, and the stages that deals and tickets went through.

CREATE TABLE outcome_steps (
    "outcome_id" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "stage" VARCHAR,
    "state" VARCHAR NOT NULL,
    "amount" DOUBLE,
    "source" VARCHAR NOT NULL
);

CREATE TABLE contacts (
    "contact_id" VARCHAR NOT NULL,
    "source" VARCHAR NOT NULL,
    "kind" VARCHAR NOT NULL,
    "handle" VARCHAR,
    "name" VARCHAR,
    "address" VARCHAR,
    "phone" VARCHAR,
    "account" VARCHAR,
    "account_id" VARCHAR,
    "domain" VARCHAR,
    "owner" VARCHAR,
    "segment" VARCHAR,
    "side" VARCHAR
);
