import { z } from '@hono/zod-openapi'
import type { KeyProvider } from '../../crypto/key-provider.ts'
import { activityReachMs } from '../../protocol/activity.ts'
import { parseSign1 } from '../../protocol/cose.ts'
import { contradictionsOf } from '../../protocol/policy-check.ts'
import { decodeReceipt } from '../../protocol/receipt.ts'
import { DAY_MS } from '../../protocol/time.ts'
import type { RiskBasis } from '../../risk/judge.ts'
import { configOf } from '../config.ts'
import { deviceStub, type Env } from '../env.ts'
import { judgeAgain, type PastBundle } from '../ingest/dry-run.ts'
import { openStored } from '../ingest/open-stored.ts'
import { bundlesSince, type JudgedBundle } from '../store/bundles.ts'
import { devicesWithBundles } from '../store/devices.ts'
import { readPolicyInForce, readPolicyVersion } from '../store/policies.ts'
import { refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { cursorOf, idCursor } from './cursor.ts'
import { country } from './params.ts'
import { changed, policyChanges, policyVersionJson } from './policy-json.ts'
import { dryRun } from './schemas.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

/** What one call opens: some hundred milliseconds of computing. A device is judged whole, so the last one may add to it. */
const BUNDLES_PER_CALL = 300
const BUNDLES_PER_DEVICE_MAX = 2_000
const BUNDLES_PER_READ = 100
const DEVICES_PER_READ = 50

const route = secured(['pay_auditor'], {
  method: 'post',
  path: '/offline/policies/dry-run',
  summary:
    'What a policy would have decided about the payments of the last days, with the risk they had; changes nothing',
  tags: ['policies'],
  request: {
    body: jsonBody(
      z.strictObject({
        country,
        based_on: z.int().min(1).optional().openapi({ description: 'A version; the one in force when absent' }),
        changes: policyChanges,
        days: z.int().min(1).max(31).default(7),
        cursor: idCursor,
        limit: z.int().min(1).max(BUNDLES_PER_CALL).default(BUNDLES_PER_CALL).openapi({
          description: 'Bundles; the device that reaches it is judged whole',
        }),
      }),
    ),
  },
  answers: { 200: json(dryRun, 'Counts of one part of the devices; add up those of all cursors') },
  refusals: ['contradictory_policy'],
})

/** A proposed policy over bundles that were admitted, device by device. */
export const dryRunRoutes = routes().openapi(route, async (c) => {
  const { country, based_on, changes, days, cursor, limit } = c.req.valid('json')
  const nowMs = Date.now()
  const db = c.env.DB
  const base =
    based_on === undefined
      ? await readPolicyInForce(db, country, nowMs)
      : await readPolicyVersion(db, country, based_on)
  if (base === undefined) return refuse(c, { code: 'not_found' })
  const proposed = { ...base, ...changed(base, changes, base.policy.version + 1) }
  const contradictions = contradictionsOf(proposed.policy)
  if (contradictions.length > 0) return refuse(c, { code: 'contradictory_policy', detail: contradictions.join('; ') })

  const keys = await configOf(c.env).keys()
  const fromMs = nowMs - days * DAY_MS
  const total = new Map<string, { count: number; amount: number }>()
  const seen = { devices: 0, bundles: 0, unopenable: 0, cut_devices: 0 }
  const sinceMs = fromMs - activityReachMs(proposed.policy)
  let opened = 0
  let after = cursor?.[0]
  let isEnd = false
  while (!isEnd && opened < limit) {
    const filter = { country, tenant: personOf(c).tenant, after }
    const devices = await devicesWithBundles(db, filter, fromMs, DEVICES_PER_READ)
    isEnd = devices.length <= DEVICES_PER_READ
    for (const { device_id, registered_at: registeredAtMs } of devices.slice(0, DEVICES_PER_READ)) {
      if (opened >= limit) {
        isEnd = false
        break
      }
      after = device_id
      const past = await pastBundles(db, keys, device_id, sinceMs, fromMs)
      const device = { ownerWallet: await ownerOf(c.env, device_id), registeredAtMs }
      for (const [key, { count, amount }] of judgeAgain(proposed.policy, device, past.bundles, fromMs)) {
        const before = total.get(key) ?? { count: 0, amount: 0 }
        total.set(key, { count: before.count + count, amount: before.amount + amount })
      }
      seen.devices++
      seen.bundles += past.inWindow
      seen.unopenable += past.unopenable
      opened += past.read
      if (past.isCut) seen.cut_devices++
    }
  }
  return c.json({
    policy: policyVersionJson(proposed),
    days,
    ...seen,
    payments: [...total].map(([key, { count, amount }]) => {
      const [decided, would, reason = ''] = key.split(' ')
      return { decided, would, ...(reason !== '' && { reason }), count, amount }
    }),
    next_cursor: isEnd || after === undefined ? null : cursorOf(after),
  })
})

/** Bundles of a device since a time, opened; of those from `fromMs` on, how many there are, and how many no key opens. */
async function pastBundles(db: D1Database, keys: KeyProvider, deviceId: string, sinceMs: number, fromMs: number) {
  const bundles: PastBundle[] = []
  const past = { bundles, read: 0, inWindow: 0, unopenable: 0, isCut: true }
  let after = { receivedAt: sinceMs, bundleId: '' }
  while (past.read < BUNDLES_PER_DEVICE_MAX) {
    const rows = await bundlesSince(db, deviceId, after, BUNDLES_PER_READ)
    for (const row of rows) {
      const payments = await openStored(row.bundle, keys)
      const isInWindow = row.received_at >= fromMs
      if (payments !== undefined) bundles.push({ ...judgedThen(row), payments })
      else if (isInWindow) past.unopenable++
      if (isInWindow) past.inWindow++
      after = { receivedAt: row.received_at, bundleId: row.bundle_id }
    }
    past.read += rows.length
    if (rows.length < BUNDLES_PER_READ) return { ...past, isCut: false }
  }
  return past
}

const judgedThen = ({ seq, received_at, risk_reasons, receipt }: JudgedBundle) => ({
  ...{ seq, receivedAtMs: received_at, risk: JSON.parse(risk_reasons) as RiskBasis },
  receipt: decodeReceipt(parseSign1(new Uint8Array(receipt)).payload),
})

/** Payments out of the owner's wallet need no other proof, so who that is must be known. */
async function ownerOf(env: Env, deviceId: string): Promise<string> {
  const wallet = await deviceStub(env, deviceId).ownerWallet()
  if (!wallet.ok) throw new Error('bundles of a device that has no object')
  return wallet.value
}
