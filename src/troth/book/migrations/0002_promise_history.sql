-- What people decided about promises, and the states that promises have been in.

CREATE TABLE decisions (
    "promise_id" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "state" VARCHAR NOT NULL,
    "by" VARCHAR NOT NULL,
    "note" VARCHAR,
    "machine_state" VARCHAR NOT NULL,
    "machine_evidence_turn_id" VARCHAR,
    "turn_id" VARCHAR NOT NULL,
    "text" VARCHAR NOT NULL,
    "probability" REAL NOT NULL
);

CREATE TABLE promise_history (
    "promise_id" VARCHAR NOT NULL,
    "noted_at" TIMESTAMPTZ NOT NULL,
    "turn_id" VARCHAR NOT NULL,
    "as_of" TIMESTAMPTZ NOT NULL,
    "state" VARCHAR NOT NULL,
    "state_at" TIMESTAMPTZ,
    "decided_by" VARCHAR NOT NULL,
    "due_latest" TIMESTAMPTZ,
    "evidence_turn_id" VARCHAR
);
