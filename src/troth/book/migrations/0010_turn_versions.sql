-- What turns said before a later export corrected them.

CREATE TABLE turn_versions (
    "turn_id" VARCHAR NOT NULL,
    "replaced_at" TIMESTAMPTZ NOT NULL,
    "replaced_by" VARCHAR NOT NULL,
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
