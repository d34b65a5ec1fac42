-- Wrapped keys and nothing else. Times are milliseconds since 1970; numbers are 8 random bytes.

-- A tenant's key, by version and by the root key it is wrapped under: while the root is rotated, under two.
CREATE TABLE tenant_keys (
    tenant  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    root    TEXT    NOT NULL,
    number  BLOB    NOT NULL CHECK (length(number) = 8),
    wrapped BLOB    NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant, version, root)
) STRICT, WITHOUT ROWID;

CREATE TABLE data_keys (
    number  BLOB    NOT NULL PRIMARY KEY CHECK (length(number) = 8),
    tenant  TEXT    NOT NULL,
    purpose TEXT    NOT NULL,
    subject BLOB    CHECK (length(subject) = 32),            -- whose it is, hashed; only of purpose `subject`
    under   INTEGER NOT NULL,                                -- version of the tenant's key
    wrapped BLOB    NOT NULL,
    created INTEGER NOT NULL,
    CHECK ((purpose = 'subject') = (subject IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX data_keys_by_subject ON data_keys (tenant, subject) WHERE subject IS NOT NULL;
CREATE UNIQUE INDEX data_keys_by_purpose ON data_keys (tenant, purpose) WHERE subject IS NULL;
CREATE INDEX data_keys_by_version ON data_keys (tenant, under);

-- Keys that were destroyed, so that no backup brings them back.
CREATE TABLE destroyed_keys (
    number BLOB    NOT NULL PRIMARY KEY CHECK (length(number) = 8),
    tenant TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Grows with every destruction: what a serving process polls.
CREATE TABLE generation (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO generation (one, generation) VALUES (1, 1);

PRAGMA application_id = 0x42774b72;
PRAGMA user_version = 1;
