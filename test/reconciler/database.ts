import { afterAll, beforeAll, inject } from 'vitest'
import { as, type Database, openDatabase } from './open-database.ts'

/** A database of its own for the test file that calls this, with everything migrated and nothing in it. */
export function useDatabase(): () => Database {
  let database: ReturnType<typeof openDatabase> | undefined
  const { adminUrl, appUrl, loginUrls, ownerUrl, template } = inject('postgres')
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  const inDatabase = (url: string) => url.replace(/\/[^/]*$/, `/${name}`)

  beforeAll(async () => {
    await as(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER molam_owner`)
    const { record, settle, read } = loginUrls
    const logins = { record: inDatabase(record), settle: inDatabase(settle), read: inDatabase(read) }
    database = openDatabase({ appUrl: inDatabase(appUrl), ownerUrl: inDatabase(ownerUrl), logins })
  })

  afterAll(async () => {
    await database?.end()
    await as(adminUrl, `DROP DATABASE ${name} WITH (FORCE)`)
  })

  return () => {
    if (database === undefined) throw new Error('the database is there from beforeAll on')
    return database
  }
}
