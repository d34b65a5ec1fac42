-- What is kept of exchanges. `sealed` holds the user's name, the model, and what was said if that is kept; bound to request, bot, key,
-- session, at, expires, operation, status, verdict, tokens and completeness.
CREATE TABLE exchanges (
    seq       INTEGER PRIMARY KEY,
    request   TEXT    NOT NULL UNIQUE,
    bot       TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    session   TEXT,
    subject   BLOB    CHECK (length(subject) = 32),          -- whose it is, hashed
    at        INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    operation TEXT    NOT NULL,
    status    INTEGER NOT NULL,
    verdict   TEXT    NOT NULL,
    input     INTEGER,                                       -- tokens
    output    INTEGER,
    complete  INTEGER NOT NULL CHECK (complete IN (0, 1)),
    sealed    BLOB    NOT NULL
) STRICT;
CREATE INDEX exchanges_by_expiry ON exchanges (expires);
CREATE INDEX exchanges_by_subject ON exchanges (subject) WHERE subject IS NOT NULL;

PRAGMA user_version = 3;
