-- Times are milliseconds since 1970. Hashes are HMAC-SHA256 under keys derived from the root key. Cells named `sealed` are
-- encrypted and bound to the clear columns of their row that never change.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Grows with every change to `keys`: what a serving process polls.
CREATE TABLE key_generation (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO key_generation (one, generation) VALUES (1, 1);

CREATE TABLE keys (
    seq     INTEGER PRIMARY KEY,                             -- order of issue
    id      TEXT    NOT NULL UNIQUE,
    hash    BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    bot     TEXT    NOT NULL,
    rights  INTEGER NOT NULL,                                -- chat 1, assert-user 2, session 4, approve 8, data 16
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER,
    sealed  BLOB    NOT NULL                                 -- the label; bound to id, hash, bot, rights, created, expires
) STRICT;

CREATE TABLE sessions (
    seq     INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    hash    BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    bot     TEXT    NOT NULL,
    key     TEXT    NOT NULL REFERENCES keys (id),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    ended   INTEGER,
    sealed  BLOB    NOT NULL                                 -- user and claims; bound to id, hash, bot, key, created, expires
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires);
CREATE INDEX sessions_by_key ON sessions (key);

CREATE TABLE turns (
    id          TEXT    NOT NULL UNIQUE,
    session     INTEGER NOT NULL REFERENCES sessions (seq) ON DELETE CASCADE,
    number      INTEGER NOT NULL,                            -- 1, 2, … within the session
    idempotency BLOB    NOT NULL CHECK (length(idempotency) = 32),
    body        BLOB    NOT NULL CHECK (length(body) = 32),
    created     INTEGER NOT NULL,
    sealed      BLOB    NOT NULL,                            -- text and pasted spans; bound to id, session's id, number, idempotency, body, created
    PRIMARY KEY (session, number),
    UNIQUE (session, idempotency)
) STRICT, WITHOUT ROWID;

PRAGMA application_id = 0x42774462;
PRAGMA user_version = 1;
