-- Sessions from before it was noted whose they are: no erasure would find them. They last a day at most; people open new ones.
DELETE FROM sessions WHERE subject IS NULL;

-- Whether a turn's hashes are under its person's key. Those from before are written anew when the database is opened.
ALTER TABLE turns ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0 CHECK (keyed IN (0, 1));
CREATE INDEX turns_to_key ON turns (session) WHERE keyed = 0;

PRAGMA user_version = 4;
