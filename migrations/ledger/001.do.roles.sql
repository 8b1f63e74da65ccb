-- Roles of the application, each with a login of its own as its only member. None of them is the ledger by itself: money
-- moves when `molam_settle` posts what `molam_record` has recorded, and both say the same of it.
--
--   molam_record   writes what came: inbox, registry, signed bundles, resolutions, policies. Posts nothing.
--   molam_settle   posts what is recorded, by functions. Writes nothing of what it settles from.
--   molam_read     reads, and may halt settlement: verifier, reports, metrics.
--   molam_operator people, each with a login of their own; two of them open and fund accounts, and let settlement go on.
--
-- The owner of the schema is another role, so that no session of these can drop a trigger or grant itself more.
DO $$
DECLARE
  v_role text;
BEGIN
  FOREACH v_role IN ARRAY ARRAY['molam_record', 'molam_settle', 'molam_read', 'molam_operator'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
    END IF;
  END LOOP;
END $$;

CREATE SCHEMA wallet_core;
GRANT USAGE ON SCHEMA wallet_core TO molam_record, molam_settle, molam_read;
GRANT USAGE ON SCHEMA public TO molam_record, molam_settle, molam_read, molam_operator;

-- Rows of these tables are facts: corrected by adding, never by changing.
CREATE FUNCTION wallet_core.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
