-- Since when the edge does not know the newest: what is due moves with each attempt, this does not. By the database's clock.
ALTER TABLE offline_outbox ADD COLUMN undelivered_since timestamptz NOT NULL DEFAULT now();

CREATE FUNCTION offline_outbox_grew() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  new.undelivered_since := now();
  RETURN new;
END $$;

CREATE TRIGGER offline_outbox_age BEFORE UPDATE ON offline_outbox
  FOR EACH ROW WHEN (old.delivered_version = old.version AND new.version > old.version)
  EXECUTE FUNCTION offline_outbox_grew();
