-- Whose a session is, hashed, so that it can be found for the person; absent in sessions from before.
ALTER TABLE sessions ADD COLUMN subject BLOB CHECK (length(subject) = 32);
CREATE INDEX sessions_by_subject ON sessions (subject);

PRAGMA user_version = 2;
