-- The application's role. Whoever runs the reconciler logs in as a member of it; the owner of the schema is another
-- role, so that no session of the application can drop a trigger or grant itself more.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'molam_reconciler') THEN
    CREATE ROLE molam_reconciler NOLOGIN;
  END IF;
END $$;

CREATE SCHEMA wallet_core;
GRANT USAGE ON SCHEMA wallet_core, public TO molam_reconciler;

-- Rows of these tables are facts: corrected by adding, never by changing.
CREATE FUNCTION wallet_core.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
