-- What goes with trust, as analysts of a team see it: worked out once for each period.

CREATE TABLE worth_figures (
    "period" VARCHAR NOT NULL,
    "part" VARCHAR NOT NULL,
    "as_of" TIMESTAMPTZ NOT NULL,
    "published_at" TIMESTAMPTZ NOT NULL,
    "content" VARCHAR,
    "basis" VARCHAR
);
