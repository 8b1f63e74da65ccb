import type { Extension } from '@electric-sql/pglite'

/** The owner of the schema is another role than the application's, as in production. */
export const SCHEMA_OWNER = 'molam_owner'

/**
 * What makes the book the same for the same seed, before the migrations.
 *
 * SQL's own clock is the process's: `Date.now`, which is simulated. `now()` stands still in a transaction, and a run is one
 * transaction here, so it is the clock itself; nothing in the migrations or the reconciler compares two of the same
 * transaction. `uuidv7()` draws from the seed (`setseed`) instead of from the system.
 *
 * The functions take the names of the built-in ones, before anything refers to those: a default like `now()` keeps the
 * function that it meant.
 */
export const DETERMINISTIC = `
  CREATE ROLE ${SCHEMA_OWNER} CREATEROLE;
  GRANT CREATE ON DATABASE postgres TO ${SCHEMA_OWNER};
  GRANT ALL ON SCHEMA public TO ${SCHEMA_OWNER};

  ALTER FUNCTION pg_catalog.now() RENAME TO now_of_transaction;
  CREATE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE internal STABLE STRICT AS 'clock_timestamp';

  ALTER FUNCTION pg_catalog.uuidv7() RENAME TO uuidv7_of_system;
  CREATE FUNCTION pg_catalog.uuidv7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
            || '7' || lpad(to_hex(random(0, 4095)), 3, '0')
            || to_hex(random(8, 11)) || lpad(to_hex(random(0, 1152921504606846975)), 15, '0'))::uuid $$;
`

/** What the WASM takes from its surroundings. */
interface Imports {
  readonly env: Record<string, unknown>
}
interface Start {
  readonly instantiateWasm: (imports: Imports, started: unknown) => object
}

/**
 * Postgres asks for timers of its own, as for its statistics, and when it does depends on what ran before. Nothing here waits
 * for them, and a simulated clock must not hear of them: `setitimer` succeeds and does nothing.
 */
export const withoutTimers: Extension = {
  name: 'without timers',
  async setup(_, options: Start) {
    const instantiateWasm: Start['instantiateWasm'] = (imports, started) => {
      imports.env['_setitimer_js'] = () => 0
      return options.instantiateWasm(imports, started)
    }
    return { emscriptenOpts: { ...options, instantiateWasm } }
  },
}
