-- Append-only, and chained: each record of a stream carries the hash of the one before it, so that a record that was
-- changed, removed or moved shows. The chain is made by a trigger, whoever inserts.
CREATE TABLE offline_audit_logs (
  -- What the chain is about: `device:<device_id>`.
  stream    text NOT NULL,
  seq       bigint NOT NULL,
  at        timestamptz NOT NULL,
  actor     text NOT NULL,
  action    text NOT NULL,
  device_id text,
  bundle_id text,
  -- Nothing personal: counters, statuses and reasons.
  detail    jsonb NOT NULL,
  prev_hash bytea NOT NULL,
  hash      bytea NOT NULL,
  PRIMARY KEY (stream, seq)
);
CREATE INDEX offline_audit_logs_by_time ON offline_audit_logs (at);

-- The text of jsonb is one and the same for equal values, and so a hash can be taken of it.
CREATE FUNCTION offline_audit_hash(r offline_audit_logs) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT sha256(convert_to(jsonb_build_array(r.stream, r.seq, extract(epoch FROM r.at), r.actor, r.action, r.device_id,
                                             r.bundle_id, r.detail, encode(r.prev_hash, 'hex'))::text, 'UTF8'))
$$;

CREATE FUNCTION offline_audit_chain() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_last record;
BEGIN
  -- Until commit: two records of a stream cannot take the same place.
  PERFORM pg_advisory_xact_lock(hashtextextended('offline_audit_logs/' || new.stream, 0));
  SELECT l.seq, l.hash INTO v_last FROM offline_audit_logs l WHERE l.stream = new.stream ORDER BY l.seq DESC LIMIT 1;
  new.seq := coalesce(v_last.seq, 0) + 1;
  new.prev_hash := coalesce(v_last.hash, '\x'::bytea);
  new.hash := offline_audit_hash(new);
  RETURN new;
END $$;

CREATE TRIGGER offline_audit_logs_chain BEFORE INSERT ON offline_audit_logs
  FOR EACH ROW EXECUTE FUNCTION offline_audit_chain();
CREATE TRIGGER offline_audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_audit_logs
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT, INSERT ON offline_audit_logs TO molam_reconciler;

-- Records whose hash, place or predecessor is not what the chain says. A whole stream that was made again, or cut at its
-- end, shows only against a checkpoint that was kept elsewhere.
CREATE VIEW offline_audit_breaks AS
  SELECT stream, seq, at
  FROM (SELECT l, l.stream, l.seq, l.at, l.hash, l.prev_hash,
               lag(l.hash, 1, '\x'::bytea) OVER chain AS before_hash, row_number() OVER chain AS place
        FROM offline_audit_logs l
        WINDOW chain AS (PARTITION BY l.stream ORDER BY l.seq)) c
  WHERE c.hash <> offline_audit_hash(c.l) OR c.prev_hash <> c.before_hash OR c.seq <> c.place;
GRANT SELECT ON offline_audit_breaks TO molam_reconciler;
