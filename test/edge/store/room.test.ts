import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { expect, it } from 'vitest'
import type { StoredBundle } from '../../../durable-objects/device/bundle.ts'
import type { Owing } from '../../../durable-objects/device/device.ts'
import { bundleRow } from '../../../durable-objects/device/owed/projection.ts'
import { bundleUpserts } from '../../../src/edge/store/projections.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { randomBytes } from '../../kit/device.ts'

/**
 * Room in D1, indexes included, of the usual push: one payment that is settled within seconds. The arithmetic that rests on it
 * stands in docs/read-model.md.
 */
const BYTES_A_PUSH_MAX = 450
const PUSHES = 20_000
const DEVICES = 1_000

const requestId = () => toBase64url(randomBytes(12))

/** As the object has it, once the reconciler has settled it. */
function settled(number: number): { device: Owing; bundle: StoredBundle } {
  const receivedAtMs = 1_796_000_000_000 + 170 * number
  const counter = 100 + Math.floor(number / DEVICES)
  const bundle: Partial<StoredBundle> = {
    seq: counter,
    bundleId: ulidAt(receivedAtMs - 90_000),
    digest: randomBytes(32),
    receivedAtMs,
    currency: 'XOF',
    firstCounter: counter,
    lastCounter: counter,
    admittedCount: 1,
    admittedAmount: 2_500,
    policyVersion: 3,
    riskScore: 0.05,
    riskReasons: { shared: 0.05, payments: [], reasons: [], scoredBy: 'sira', version: 'sira-2026.11' },
    payments: [[counter, 'succeeded']],
    status: 'accepted',
    rev: 2,
    updatedAtMs: receivedAtMs + 310,
    admittedBy: { requestId: requestId(), detail: { status: 'pushed' } },
    settlements: [{ atMs: receivedAtMs + 310, requestId: requestId(), status: 'accepted', payments: 1 }],
  }
  // Which device pushes next is nobody's order.
  const deviceId = `POS-DKR-${String((number * 7_919) % DEVICES).padStart(4, '0')}`
  return { device: { deviceId, country: 'SN', tenant: 'molam' } as Owing, bundle: bundle as StoredBundle }
}

function ulidAt(ms: number): Uint8Array {
  const id = randomBytes(16)
  for (let at = 5, rest = ms; at >= 0; at--, rest = Math.floor(rest / 256)) id[at] = rest % 256
  return id
}

it(`a push of one payment takes at most ${BYTES_A_PUSH_MAX} B of D1, indexes included`, () => {
  const db = new DatabaseSync(':memory:')
  const migrations = new URL('../../../migrations/edge/', import.meta.url)
  for (const name of readdirSync(migrations).filter((file) => file.endsWith('.sql'))) {
    db.exec(readFileSync(new URL(name, migrations), 'utf8'))
  }
  const d1 = { prepare: (sql: string) => ({ bind: (...values: SQLInputValue[]) => db.prepare(sql).run(...values) }) }
  const emptyBytes = sizeOf(db)
  // Hundreds come in one call of the reconciler.
  for (let first = 0; first < PUSHES; first += 200) {
    const rows = Array.from({ length: 200 }, (_, at) => settled(first + at))
    bundleUpserts(
      d1 as never,
      rows.map(({ device, bundle }) => bundleRow(device, bundle)),
    )
  }
  const { n } = db.prepare('SELECT COUNT(*) AS n FROM offline_tx_bundles').get() as { n: number }
  expect(n).toBe(PUSHES)
  const bytes = (sizeOf(db) - emptyBytes) / PUSHES
  process.stdout.write(`D1 takes ${Math.round(bytes)} B a push of one payment\n`)
  expect(bytes).toBeLessThanOrEqual(BYTES_A_PUSH_MAX)
})

function sizeOf(db: DatabaseSync): number {
  const { bytes } = db.prepare('SELECT SUM(pgsize) AS bytes FROM dbstat').get() as { bytes: number }
  return bytes
}
