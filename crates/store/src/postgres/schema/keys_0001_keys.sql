-- Wrapped keys and nothing else. Times are milliseconds since 1970; numbers are 8 random bytes.

CREATE TABLE botwarden_keys.schema_version (
    one     boolean NOT NULL PRIMARY KEY CHECK (one),
    version bigint  NOT NULL
);
INSERT INTO botwarden_keys.schema_version (one, version) VALUES (true, 1);

-- A tenant's key, by version and by the root key it is wrapped under: while the root is rotated, under two.
CREATE TABLE botwarden_keys.tenant_keys (
    tenant  text   NOT NULL,
    version bigint NOT NULL,
    root    text   NOT NULL,
    number  bytea  NOT NULL CHECK (octet_length(number) = 8),
    wrapped bytea  NOT NULL,
    created bigint NOT NULL,
    PRIMARY KEY (tenant, version, root)
);

CREATE TABLE botwarden_keys.data_keys (
    number  bytea  NOT NULL PRIMARY KEY CHECK (octet_length(number) = 8),
    tenant  text   NOT NULL,
    purpose text   NOT NULL,
    subject bytea  CHECK (octet_length(subject) = 32),                -- whose it is, hashed; only of purpose `subject`
    under   bigint NOT NULL,                                          -- version of the tenant's key
    wrapped bytea  NOT NULL,
    created bigint NOT NULL,
    CHECK ((purpose = 'subject') = (subject IS NOT NULL))
);
CREATE UNIQUE INDEX data_keys_by_subject ON botwarden_keys.data_keys (tenant, subject) WHERE subject IS NOT NULL;
CREATE UNIQUE INDEX data_keys_by_purpose ON botwarden_keys.data_keys (tenant, purpose) WHERE subject IS NULL;
CREATE INDEX data_keys_by_version ON botwarden_keys.data_keys (tenant, under);

-- Keys that were destroyed, so that no backup brings them back.
CREATE TABLE botwarden_keys.destroyed_keys (
    number bytea  NOT NULL PRIMARY KEY CHECK (octet_length(number) = 8),
    tenant text   NOT NULL,
    at     bigint NOT NULL
);

-- Grows with every destruction: what a serving process polls. Whoever adds a key shares the row, whoever changes which versions there are
-- or destroys a key has it alone.
CREATE TABLE botwarden_keys.generation (
    one        boolean NOT NULL PRIMARY KEY CHECK (one),
    generation bigint  NOT NULL
);
INSERT INTO botwarden_keys.generation (one, generation) VALUES (true, 1);
