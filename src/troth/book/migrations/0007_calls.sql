-- The tool calls of AI agents, as they stand in the logs of their conversations.

CREATE TABLE calls (
    "call_id" VARCHAR NOT NULL,
    "conversation_id" VARCHAR NOT NULL,
    "turn_id" VARCHAR,
    "is_before" BOOLEAN,
    "position" BIGINT NOT NULL,
    "tool" VARCHAR NOT NULL,
    "arguments" VARCHAR,
    "failed" BOOLEAN NOT NULL
);
