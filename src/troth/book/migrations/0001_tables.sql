-- The tables of troth.schema, and what the book keeps for itself. No indexes, no foreign keys.

CREATE TABLE turns (
    "turn_id" VARCHAR NOT NULL,
    "conversation_id" VARCHAR NOT NULL,
    "parent_id" VARCHAR,
    "position" BIGINT NOT NULL,
    "sent_at" TIMESTAMPTZ,
    "speaker" VARCHAR NOT NULL,
    "speaker_name" VARCHAR,
    "recipients" VARCHAR[],
    "cc" VARCHAR[],
    "references" VARCHAR[],
    "channel" VARCHAR NOT NULL,
    "stage" VARCHAR,
    "subject" VARCHAR,
    "body" VARCHAR NOT NULL,
    "attachments" VARCHAR[],
    "automatic" BOOLEAN NOT NULL,
    "source" VARCHAR NOT NULL,
    "side" VARCHAR,
    "circle" VARCHAR,
    "relationship" VARCHAR
);

CREATE TABLE sentences (
    "turn_id" VARCHAR NOT NULL,
    "sentence" INTEGER NOT NULL,
    "start" INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    "text" VARCHAR NOT NULL,
    "language" VARCHAR
);

CREATE TABLE findings (
    "turn_id" VARCHAR NOT NULL,
    "sentence" INTEGER NOT NULL,
    "start" INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    "signal" VARCHAR NOT NULL,
    "probability" REAL NOT NULL,
    "value" REAL
);

CREATE TABLE evidence (
    "turn_id" VARCHAR NOT NULL,
    "sentence" INTEGER NOT NULL,
    "start" INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    "facet" VARCHAR NOT NULL,
    "raw" REAL NOT NULL,
    "signal" VARCHAR,
    "probability" REAL
);

CREATE TABLE promises (
    "promise_id" VARCHAR NOT NULL,
    "turn_id" VARCHAR NOT NULL,
    "start" INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    "text" VARCHAR NOT NULL,
    "probability" REAL NOT NULL,
    "relationship" VARCHAR,
    "circle" VARCHAR,
    "side" VARCHAR,
    "actor" VARCHAR NOT NULL,
    "addressee" VARCHAR,
    "said_at" TIMESTAMPTZ,
    "condition" VARCHAR,
    "specific" BOOLEAN NOT NULL,
    "due_words" VARCHAR,
    "due_rule" VARCHAR NOT NULL,
    "due_earliest" TIMESTAMPTZ,
    "due_latest" TIMESTAMPTZ,
    "observability" VARCHAR NOT NULL,
    "state" VARCHAR NOT NULL,
    "state_at" TIMESTAMPTZ,
    "decided_by" VARCHAR NOT NULL,
    "evidence_turn_id" VARCHAR,
    "evidence_start" INTEGER,
    "evidence_end" INTEGER,
    "evidence_text" VARCHAR
);

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
    "answered_at" TIMESTAMPTZ
);

CREATE TABLE answers (
    "answer_id" VARCHAR NOT NULL,
    "relationship" VARCHAR NOT NULL,
    "person" VARCHAR,
    "item" VARCHAR NOT NULL,
    "facet" VARCHAR NOT NULL,
    "value" INTEGER NOT NULL,
    "lowest" INTEGER NOT NULL,
    "highest" INTEGER NOT NULL,
    "answered_at" TIMESTAMPTZ NOT NULL
);

CREATE TABLE outcomes (
    "outcome_id" VARCHAR NOT NULL,
    "relationship" VARCHAR NOT NULL,
    "kind" VARCHAR NOT NULL,
    "stage" VARCHAR,
    "state" VARCHAR NOT NULL,
    "amount" DOUBLE PRECISION,
    "currency" VARCHAR,
    "opened_at" TIMESTAMPTZ NOT NULL,
    "closed_at" TIMESTAMPTZ
);

CREATE TABLE readings (
    "relationship" VARCHAR NOT NULL,
    "facet" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "signal" VARCHAR NOT NULL,
    "lo" DOUBLE PRECISION NOT NULL,
    "hi" DOUBLE PRECISION NOT NULL,
    "v" DOUBLE PRECISION NOT NULL,
    "slope" DOUBLE PRECISION NOT NULL,
    "alpha" DOUBLE PRECISION NOT NULL,
    "beta" DOUBLE PRECISION NOT NULL,
    "slow_only" BOOLEAN NOT NULL,
    "turn_id" VARCHAR,
    "start" INTEGER,
    "end" INTEGER
);

CREATE TABLE trust (
    "relationship" VARCHAR NOT NULL,
    "facet" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "mean" DOUBLE PRECISION NOT NULL,
    "var" DOUBLE PRECISION NOT NULL,
    "slow" DOUBLE PRECISION NOT NULL,
    "fast" DOUBLE PRECISION NOT NULL,
    "reliability" DOUBLE PRECISION NOT NULL,
    "readings" BIGINT NOT NULL
);

CREATE TABLE scores (
    "scope" VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "lens" VARCHAR NOT NULL,
    "pillar" VARCHAR NOT NULL,
    "gauge" VARCHAR NOT NULL,
    "percentile" DOUBLE PRECISION,
    "low" DOUBLE PRECISION NOT NULL,
    "high" DOUBLE PRECISION NOT NULL,
    "reliability" DOUBLE PRECISION NOT NULL,
    "readings" BIGINT NOT NULL
);

CREATE TABLE marks (
    "source_key" VARCHAR NOT NULL,
    "content" VARCHAR NOT NULL,
    "size" BIGINT NOT NULL,
    "position" BIGINT NOT NULL
);

CREATE TABLE settings (
    "name" VARCHAR NOT NULL,
    "value" VARCHAR NOT NULL
);
