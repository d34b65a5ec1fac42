-- Times are milliseconds since 1970. Hashes are HMAC-SHA256 under keys of the keyring. Cells named `sealed` are encrypted and bound to the
-- clear columns of their row that never change, and are the same as in SQLite.

CREATE TABLE botwarden.schema_version (
    one     boolean NOT NULL PRIMARY KEY CHECK (one),
    version bigint  NOT NULL
);
INSERT INTO botwarden.schema_version (one, version) VALUES (true, 1);

CREATE TABLE botwarden.meta (
    name  text  NOT NULL PRIMARY KEY,
    value bytea NOT NULL
);

-- Grows with every change to `keys`: what a serving process polls, and what writers of `keys` take turns by.
CREATE TABLE botwarden.key_generation (
    one        boolean NOT NULL PRIMARY KEY CHECK (one),
    generation bigint  NOT NULL
);
INSERT INTO botwarden.key_generation (one, generation) VALUES (true, 1);

CREATE TABLE botwarden.keys (
    seq     bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of issue
    id      text   NOT NULL UNIQUE,
    hash    bytea  NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    bot     text   NOT NULL,
    rights  bigint NOT NULL,                                          -- chat 1, assert-user 2, session 4, approve 8, data 16
    created bigint NOT NULL,
    expires bigint,
    revoked bigint,
    sealed  bytea  NOT NULL                                           -- the label; bound to id, hash, bot, rights, created, expires
);

CREATE TABLE botwarden.sessions (
    seq     bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      text   NOT NULL UNIQUE,
    hash    bytea  NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    bot     text   NOT NULL,
    key     text   NOT NULL REFERENCES botwarden.keys (id),
    created bigint NOT NULL,
    expires bigint NOT NULL,
    ended   bigint,
    subject bytea  NOT NULL CHECK (octet_length(subject) = 32),       -- whose it is, hashed
    sealed  bytea  NOT NULL                                           -- user and claims; bound to id, hash, bot, key, created, expires
);
CREATE INDEX sessions_by_expiry ON botwarden.sessions (expires);
CREATE INDEX sessions_by_key ON botwarden.sessions (key);
CREATE INDEX sessions_by_subject ON botwarden.sessions (subject);

CREATE TABLE botwarden.turns (
    id          text   NOT NULL UNIQUE,
    session     bigint NOT NULL REFERENCES botwarden.sessions (seq) ON DELETE CASCADE,
    number      bigint NOT NULL,                                      -- 1, 2, … within the session
    idempotency bytea  NOT NULL CHECK (octet_length(idempotency) = 32),
    body        bytea  NOT NULL CHECK (octet_length(body) = 32),
    created     bigint NOT NULL,
    sealed      bytea  NOT NULL,                                      -- text and pasted spans; bound to id, session's id, number, idempotency, body, created
    PRIMARY KEY (session, number),
    UNIQUE (session, idempotency)
);
