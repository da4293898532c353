-- Surveys sent by link. The link itself is kept nowhere, only a hash of its end.

CREATE TABLE invitations (
    "invitation_id" VARCHAR NOT NULL,
    "secret_hash" VARCHAR NOT NULL,
    "set" VARCHAR NOT NULL,
    "language" VARCHAR NOT NULL,
    "relationship" VARCHAR NOT NULL,
    "person" VARCHAR,
    "asked_by" VARCHAR NOT NULL,
    "made_at" TIMESTAMPTZ NOT NULL,
    "until" TIMESTAMPTZ NOT NULL,
    "answered_at" TIMESTAMPTZ,
    "closed_at" TIMESTAMPTZ
);
