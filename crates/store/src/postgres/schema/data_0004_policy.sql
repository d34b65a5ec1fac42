-- Questions to a person about one exact call, and what became of them. `sealed` holds user, arguments, text, findings and parties, bound to
-- everything that never changes; `answers` is bound to `state` too.
CREATE TABLE botwarden.approvals (
    seq       bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id        text   NOT NULL UNIQUE,
    bot       text   NOT NULL,
    key       text   NOT NULL,
    session   text,
    subject   bytea  CHECK (octet_length(subject) = 32),              -- whose it is, hashed
    server    text   NOT NULL,
    tool      text   NOT NULL,
    call      bytea  NOT NULL CHECK (octet_length(call) = 32),        -- the exact call, hashed under the person's key
    answerers bigint NOT NULL CHECK (answerers IN (1, 2, 3)),         -- user 1, operator 2, either 3
    needed    bigint NOT NULL CHECK (needed IN (1, 2)),
    created   bigint NOT NULL,
    expires   bigint NOT NULL,
    state     text   NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used')),
    withdrawn bigint,
    sealed    bytea  NOT NULL,
    answers   bytea  NOT NULL
);
ALTER TABLE botwarden.approvals ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX approvals_by_call ON botwarden.approvals (call);
CREATE INDEX approvals_by_session ON botwarden.approvals (session) WHERE session IS NOT NULL;
CREATE INDEX approvals_by_subject ON botwarden.approvals (subject) WHERE subject IS NOT NULL;
CREATE INDEX approvals_by_expiry ON botwarden.approvals (expires);
CREATE INDEX approvals_that_wait ON botwarden.approvals (bot, expires) WHERE state = 'pending' AND withdrawn IS NULL;

-- Values that a person has endorsed for good. `sealed` holds server, tool, argument and value.
CREATE TABLE botwarden.known_values (
    seq      bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       text   NOT NULL UNIQUE,
    bot      text   NOT NULL,
    subject  bytea  NOT NULL CHECK (octet_length(subject) = 32),
    finder   bytea  NOT NULL UNIQUE CHECK (octet_length(finder) = 32), -- the value in its place, hashed under the person's key
    approval text   NOT NULL,
    created  bigint NOT NULL,
    sealed   bytea  NOT NULL
);
CREATE INDEX known_values_by_subject ON botwarden.known_values (subject);

-- What is stopped. `sealed` holds the user's name, the reason, and who stopped it.
CREATE TABLE botwarden.quarantines (
    seq     bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mark    text   NOT NULL UNIQUE,                                   -- what it is told from others by
    kind    text   NOT NULL,
    bot     text,
    session text,
    subject bytea  CHECK (octet_length(subject) = 32),
    server  text,
    tool    text,
    since   bigint NOT NULL,
    sealed  bytea  NOT NULL
);
CREATE INDEX quarantines_by_subject ON botwarden.quarantines (subject) WHERE subject IS NOT NULL;
CREATE TABLE botwarden.quarantine_generation (
    one        bigint PRIMARY KEY CHECK (one = 1),
    generation bigint NOT NULL
);
INSERT INTO botwarden.quarantine_generation (one, generation) VALUES (1, 1);

-- Until when a session's row is kept: its expiry, or later where its story is.
ALTER TABLE botwarden.sessions ADD COLUMN kept bigint;
UPDATE botwarden.sessions SET kept = expires;
-- A node of the version before knows nothing of it, and its sessions are kept as they were.
CREATE FUNCTION botwarden.keep_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.kept := coalesce(NEW.kept, NEW.expires);
    RETURN NEW;
END $$;
CREATE TRIGGER sessions_kept BEFORE INSERT ON botwarden.sessions FOR EACH ROW EXECUTE FUNCTION botwarden.keep_session();
ALTER TABLE botwarden.sessions ALTER COLUMN kept SET NOT NULL;
CREATE INDEX sessions_by_kept ON botwarden.sessions (kept);

-- What happened in sessions. `sealed` holds the event.
CREATE TABLE botwarden.chronicle (
    session bigint NOT NULL REFERENCES botwarden.sessions (seq) ON DELETE CASCADE,
    number  bigint NOT NULL,                                          -- 1, 2, … within the session
    turns   bigint NOT NULL,                                          -- turns that came before it
    at      bigint NOT NULL,
    total   bigint NOT NULL,                                          -- bytes of the session's events up to this one
    sealed  bytea  NOT NULL,
    PRIMARY KEY (session, number)
);
ALTER TABLE botwarden.chronicle ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- What tools did before, counted. `name` is a hash of tool and party under the person's key; day -1 stands for all days.
CREATE TABLE botwarden.history (
    name    bytea  NOT NULL CHECK (octet_length(name) = 32),
    day     bigint NOT NULL,
    subject bytea  CHECK (octet_length(subject) = 32),
    expires bigint NOT NULL,
    sealed  bytea  NOT NULL,
    PRIMARY KEY (name, day)
);
CREATE INDEX history_by_subject ON botwarden.history (subject) WHERE subject IS NOT NULL;
CREATE INDEX history_by_expiry ON botwarden.history (expires);

UPDATE botwarden.schema_version SET version = 4;
