-- How sure the evidence of a promise is about it, and the promise that stands in the place of a withdrawn one.
ALTER TABLE promises ADD COLUMN "evidence_probability" REAL;
ALTER TABLE promises ADD COLUMN "replaced_by" VARCHAR;
