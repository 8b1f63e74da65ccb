INSERT INTO notes (note) VALUES ('the first; of many');
