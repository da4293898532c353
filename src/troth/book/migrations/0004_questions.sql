-- Questions say how they were asked and which sentence answered. No row is lost: they are found anew from the turns.
DROP TABLE questions;

CREATE TABLE questions (
    "question_id" VARCHAR NOT NULL,
    "turn_id" VARCHAR NOT NULL,
    "start" INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    "text" VARCHAR NOT NULL,
    "kind" VARCHAR NOT NULL,
    "probability" REAL NOT NULL,
    "relationship" VARCHAR,
    "circle" VARCHAR,
    "asked_at" TIMESTAMPTZ,
    "state" VARCHAR NOT NULL,
    "answer_turn_id" VARCHAR,
    "answered_at" TIMESTAMPTZ,
    "answer_start" INTEGER,
    "answer_end" INTEGER,
    "answer_text" VARCHAR,
    "side" VARCHAR,
    "spoken" BOOLEAN NOT NULL,
    "act" VARCHAR NOT NULL,
    "strength" REAL NOT NULL
);
