-- Questions to a person about one exact call, and what became of them. `sealed` holds user, arguments, text, findings and parties, bound to
-- everything that never changes; `answers` is bound to `state` too.
CREATE TABLE approvals (
    seq       INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    bot       TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    session   TEXT,
    subject   BLOB    CHECK (length(subject) = 32),          -- whose it is, hashed
    server    TEXT    NOT NULL,
    tool      TEXT    NOT NULL,
    call      BLOB    NOT NULL CHECK (length(call) = 32),    -- the exact call, hashed under the person's key
    answerers INTEGER NOT NULL CHECK (answerers IN (1, 2, 3)), -- user 1, operator 2, either 3
    needed    INTEGER NOT NULL CHECK (needed IN (1, 2)),
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    state     TEXT    NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used')),
    withdrawn INTEGER,
    sealed    BLOB    NOT NULL,
    answers   BLOB    NOT NULL
) STRICT;
CREATE INDEX approvals_by_call ON approvals (call);
CREATE INDEX approvals_by_session ON approvals (session) WHERE session IS NOT NULL;
CREATE INDEX approvals_by_subject ON approvals (subject) WHERE subject IS NOT NULL;
CREATE INDEX approvals_by_expiry ON approvals (expires);
CREATE INDEX approvals_that_wait ON approvals (bot, expires) WHERE state = 'pending' AND withdrawn IS NULL;

-- Values that a person has endorsed for good. `sealed` holds server, tool, argument and value.
CREATE TABLE known_values (
    seq      INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    bot      TEXT    NOT NULL,
    subject  BLOB    NOT NULL CHECK (length(subject) = 32),
    finder   BLOB    NOT NULL UNIQUE CHECK (length(finder) = 32), -- the value in its place, hashed under the person's key
    approval TEXT    NOT NULL,
    created  INTEGER NOT NULL,
    sealed   BLOB    NOT NULL
) STRICT;
CREATE INDEX known_values_by_subject ON known_values (subject);

-- What is stopped. `sealed` holds the user's name, the reason, and who stopped it.
CREATE TABLE quarantines (
    seq     INTEGER PRIMARY KEY,
    mark    TEXT    NOT NULL UNIQUE,                         -- what it is told from others by
    kind    TEXT    NOT NULL,
    bot     TEXT,
    session TEXT,
    subject BLOB    CHECK (length(subject) = 32),
    server  TEXT,
    tool    TEXT,
    since   INTEGER NOT NULL,
    sealed  BLOB    NOT NULL
) STRICT;
CREATE INDEX quarantines_by_subject ON quarantines (subject) WHERE subject IS NOT NULL;
CREATE TABLE quarantine_generation (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO quarantine_generation (one, generation) VALUES (1, 1);

-- Until when a session's row is kept: its expiry, or later where its story is.
ALTER TABLE sessions ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET kept = expires;
CREATE INDEX sessions_by_kept ON sessions (kept);

-- What happened in sessions. `sealed` holds the event.
CREATE TABLE chronicle (
    session INTEGER NOT NULL REFERENCES sessions (seq) ON DELETE CASCADE,
    number  INTEGER NOT NULL,                                -- 1, 2, … within the session
    turns   INTEGER NOT NULL,                                -- turns that came before it
    at      INTEGER NOT NULL,
    total   INTEGER NOT NULL,                                -- bytes of the session's events up to this one
    sealed  BLOB    NOT NULL,
    PRIMARY KEY (session, number)
) STRICT;

-- What tools did before, counted. `name` is a hash of tool and party under the person's key; day -1 stands for all days.
CREATE TABLE history (
    name    BLOB    NOT NULL CHECK (length(name) = 32),
    day     INTEGER NOT NULL,
    subject BLOB    CHECK (length(subject) = 32),
    expires INTEGER NOT NULL,
    sealed  BLOB    NOT NULL,
    PRIMARY KEY (name, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_by_subject ON history (subject) WHERE subject IS NOT NULL;
CREATE INDEX history_by_expiry ON history (expires);

PRAGMA user_version = 5;
