-- What is kept of exchanges. `sealed` holds the user's name, the model, and what was said if that is kept; bound to request, bot, key,
-- session, at, expires, operation, status, verdict, tokens and completeness.
CREATE TABLE botwarden.exchanges (
    seq       bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request   text   NOT NULL UNIQUE,
    bot       text   NOT NULL,
    key       text   NOT NULL,
    session   text,
    subject   bytea  CHECK (octet_length(subject) = 32),              -- whose it is, hashed
    at        bigint NOT NULL,
    expires   bigint NOT NULL,
    operation text   NOT NULL,
    status    bigint NOT NULL,
    verdict   text   NOT NULL,
    input     bigint,                                                 -- tokens
    output    bigint,
    complete  bigint NOT NULL CHECK (complete IN (0, 1)),
    sealed    bytea  NOT NULL
);
-- Sealed bytes do not get smaller.
ALTER TABLE botwarden.exchanges ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX exchanges_by_expiry ON botwarden.exchanges (expires);
CREATE INDEX exchanges_by_subject ON botwarden.exchanges (subject, seq) WHERE subject IS NOT NULL;

UPDATE botwarden.schema_version SET version = 2;
