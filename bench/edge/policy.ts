import { localKeys } from '../../src/crypto/local-keys.ts'
import { signPolicyVersion } from '../../src/crypto/policy-version.ts'
import { firstVersion } from '../../src/protocol/first-policies.ts'
import { COUNTRIES } from '../../src/protocol/policy.ts'

/**
 * A second version of every country's policy under which all bundles of a bench are accepted, as they are in normal
 * life: a device would need days to take so many payments, so the daily limits, the one between syncs and the risk rules must not speak.
 */
export const ROOMY_VERSION = 2

const ROOMY = {
  maxOfflinePerDevicePerDay: 1_000_000,
  maxOfflineValuePerDevicePerDay: 1_000_000_000_000,
  maxOfflineValueBetweenSyncs: 1_000_000_000_000,
  ...{ maxClockSkewMinutes: 1440, acceptBelowScore: 0.99, quarantineAboveScore: 1 },
}

interface Database {
  prepare(sql: string): { bind(...values: unknown[]): { run(): Promise<unknown> } }
}

/** Writes it as the edge does, with the edge's keys. */
export async function writeRoomyPolicies(
  db: Database,
  secrets: { readonly EDGE_KEYS: string; readonly KEY_WRAPPING_SECRET: string },
): Promise<void> {
  const keys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
  for (const country of COUNTRIES) {
    const { policy, ...first } = firstVersion(country)
    const by = { proposedBy: 'bench-1', confirmedBy: 'bench-2' }
    const version = { ...first, ...by, policy: { ...policy, ...ROOMY, version: ROOMY_VERSION } }
    const { signed } = await signPolicyVersion(version, keys)
    const sql = 'INSERT OR IGNORE INTO offline_policies (country, version, signed) VALUES (?, ?, ?)'
    await db.prepare(sql).bind(country, ROOMY_VERSION, signed).run()
  }
}
