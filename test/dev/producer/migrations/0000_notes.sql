-- Two statements, one of them with a semicolon inside: a migration is not split at semicolons.
CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL);
CREATE TRIGGER notes_append_only BEFORE UPDATE ON notes BEGIN
  SELECT RAISE(ABORT, 'notes are append-only; add another');
END;
