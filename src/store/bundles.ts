import { and, eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { bundles } from './schema.ts'

/** Bundles with this id: one, unless two devices chose the same. */
export function findBundles(db: D1Database, bundleId: string, deviceId?: string) {
  const byId = eq(bundles.bundleId, bundleId)
  return drizzle(db)
    .select()
    .from(bundles)
    .where(deviceId === undefined ? byId : and(byId, eq(bundles.deviceId, deviceId)))
    .limit(2)
}
