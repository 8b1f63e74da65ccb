import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { DATABASE, type LoginUrls, startPostgres } from '../../dev/postgres.ts'
import { migrate } from '../../reconciler/migrate.ts'
import { everybodyAtOnce } from './open-database.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: {
      readonly adminUrl: string
      readonly ownerUrl: string
      readonly appUrl: string
      readonly loginUrls: LoginUrls
      readonly template: string
    }
  }
}

/** One server for all tests of this run, with a migrated database that each test file gets a copy of. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'molam-postgres-'))
  // Another user may run the server, and must be able to enter.
  await chmod(dir, 0o755)
  const postgres = await startPostgres({
    dataDir: join(dir, 'data'),
    settings: {
      ...{ fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
      // Reconcilers that were killed leave sessions behind until their statement ends; a busy machine has many of them.
      max_connections: '500',
      client_connection_check_interval: '2s',
    },
  })
  await migrate(postgres.ownerUrl())
  project.provide('postgres', {
    adminUrl: postgres.adminUrl(),
    ownerUrl: postgres.ownerUrl(),
    appUrl: await everybodyAtOnce(postgres.adminUrl(), postgres.ownerUrl()),
    loginUrls: postgres.loginUrls(),
    template: DATABASE,
  })
  return async () => {
    await postgres.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
