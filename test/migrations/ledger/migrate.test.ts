import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { migrate } from '../../../reconciler/migrate.ts'
import { useDatabase } from '../../reconciler/database.ts'

const db = useDatabase()

test('a migrated database has nothing to migrate', async () => {
  expect(await migrate(db().ownerUrl)).toEqual([])
})

test('of many that start at once one migrates and the others wait', async () => {
  const { adminUrl, ownerUrl } = inject('postgres')
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await admin.query(`CREATE DATABASE ${name} OWNER molam_owner`)
    const url = ownerUrl.replace(/\/[^/]*$/, `/${name}`)
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)])
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1)
    expect(await migrate(url)).toEqual([])
  } finally {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
  }
})

test('a file that changed after it was applied stops the migration', async () => {
  await db().owner.query("UPDATE public.schema_versions SET md5 = 'another' WHERE version = 3")
  await expect(migrate(db().ownerUrl)).rejects.toThrow(/checksum failed for migration \[3\]/)
})
