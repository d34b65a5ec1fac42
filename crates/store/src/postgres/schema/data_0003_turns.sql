-- Whether a turn's hashes are under its person's key. Those from before are written anew when the database is opened.
ALTER TABLE botwarden.turns ADD COLUMN keyed boolean NOT NULL DEFAULT false;
CREATE INDEX turns_to_key ON botwarden.turns (session) WHERE NOT keyed;

UPDATE botwarden.schema_version SET version = 3;
