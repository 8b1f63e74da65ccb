import { z } from '@hono/zod-openapi'
import { activityReachMs } from '../../protocol/activity.ts'
import type { Country } from '../../protocol/policy.ts'
import { DAY_MS } from '../../protocol/time.ts'
import { deviceStub, type Env } from '../env.ts'
import { openStored } from '../ingest/open-stored.ts'
import { heldVersion, policyNow } from '../ingest/policy-cache.ts'
import { logger } from '../log.ts'
import { changed } from '../policies/change.ts'
import { dryRunPart, type FoundBundle, type PastReads } from '../policies/dry-run-part.ts'
import { bundlesSince, type JudgedBundle } from '../store/bundles.ts'
import { devicesWithBundles } from '../store/devices.ts'
import { type PackedRisk, unpackRisk } from '../store/packed.ts'
import { readVersion } from '../store/policies.ts'
import { refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { cursorOf, idCursor } from './cursor.ts'
import { country } from './params.ts'
import { policyChanges, policyVersionJson } from './policy-json.ts'
import { dryRun } from './schemas/policies.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

/** What one call opens: some hundred milliseconds of computing. A device is judged whole, so the last one may add to it. */
const BUNDLES_PER_CALL = 300

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
  const base =
    based_on === undefined
      ? await policyNow(c.env, country, nowMs)
      : ((await readVersion(c.env, country, based_on)) ?? heldVersion(country, based_on))
  if (base === undefined) return refuse(c, { code: 'not_found' })
  const content = changed(base, changes, base.policy.version + 1)
  if (!content.ok) return refuse(c, content.error)
  const proposed = { ...base, ...content.value }

  const { policy } = proposed
  const fromMs = nowMs - days * DAY_MS
  const asked = { policy, fromMs, sinceMs: fromMs - activityReachMs(policy), limit, after: cursor?.[0] }
  const filter = { country, tenant: personOf(c).tenant }
  const { next, ...part } = await dryRunPart(asked, pastReads(c.env, filter, fromMs))
  return c.json({
    policy: policyVersionJson(proposed),
    ...{ days, ...part, next_cursor: next === undefined ? null : cursorOf(next) },
  })
})

/** What the read model and the objects know of the past. */
function pastReads(env: Env, filter: { country: Country; tenant: string | undefined }, fromMs: number): PastReads {
  return {
    async devicesAfter(after, limit) {
      const found = await devicesWithBundles(env.DB, { ...filter, after }, fromMs, limit)
      return found.map(({ device_id, registered_at }) => ({ deviceId: device_id, registeredAtMs: registered_at }))
    },
    async bundlesAfter(deviceId, { receivedAtMs, bundleId }, limit) {
      const rows = await bundlesSince(env.DB, deviceId, { receivedAt: receivedAtMs, bundleId }, limit)
      const shown = rows.map((row) => ({ deviceId, bundleId: row.bundle_id, digest: row.digest }))
      const openedOf = await openStored(env, shown)
      return rows.map((row, at): FoundBundle => {
        const one = shown[at]
        const { contents, payments, receipt } = one === undefined ? {} : openedOf(one)
        // Left out, its payments would be missing from the counts, and from the days that others count towards.
        if (contents === 'unavailable') throw Object.assign(new Error('an object does not answer'), { retryable: true })
        const opened = payments && receipt && { ...judgedThen(row), receipt, payments }
        return { bundleId: row.bundle_id, receivedAtMs: row.received_at, opened }
      })
    },
    async owner(deviceId) {
      const owner = await deviceStub(env, deviceId).owner()
      if (owner.ok) return owner.value
      logger.error('the read model has bundles of a device that has no object', { deviceId })
      return undefined
    },
  }
}

const judgedThen = ({ seq, received_at, risk_score, risk_reasons }: JudgedBundle) => ({
  ...{ seq, receivedAtMs: received_at, risk: unpackRisk(risk_score, JSON.parse(risk_reasons) as PackedRisk) },
})
