import { z } from '@hono/zod-openapi'
import type { VoteResult } from '../../../durable-objects/device/ballot.ts'
import { localId, parseUlid } from '../../protocol/ids.ts'
import { PAYMENTS_PER_BUNDLE_MAX } from '../../protocol/limits.ts'
import { REVIEW_CHOICES } from '../../protocol/messages.ts'
import { statesOf } from '../../protocol/payment-states.ts'
import type { RiskBasis } from '../../risk/judge.ts'
import { deviceStub } from '../env.ts'
import { type Opened, openStored, withoutParties } from '../ingest/open-stored.ts'
import { policyNow } from '../ingest/policy-cache.ts'
import { listWaiting, type WaitingBundle } from '../store/bundles.ts'
import type { BundleRow } from '../store/index-message.ts'
import { readVotes, type ShownVote } from '../store/votes.ts'
import { actorOf } from './actor.ts'
import { refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { visibleBundle } from './bundles.ts'
import { pageOf, timeIdsCursor } from './cursor.ts'
import { masked } from './masked.ts'
import { bundleId, counter, country, deviceId, page, queryInt, reason, writeHeaders } from './params.ts'
import { riskJson } from './risk-json.ts'
import { review, voteResult } from './schemas.ts'
import { json, jsonBody, routes, secured } from './secured.ts'
import { votesJson } from './votes-json.ts'

/** Bundles of a page: each is opened, so that the reviewer sees amounts. */
const reviewLimit = queryInt(1, 50).default(20)

const list = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/reviews',
  summary: 'Payments that wait for a person, the longest waiting first',
  tags: ['reviews'],
  request: {
    query: z.object({
      country: country.optional(),
      device_id: deviceId.optional(),
      cursor: timeIdsCursor,
      limit: reviewLimit,
    }),
  },
  answers: { 200: json(page('reviews', review), 'A page') },
})

const vote = secured(['pay_reviewer'], {
  method: 'post',
  path: '/offline/bundles/{bundle_id}/review',
  summary: 'Vote about payments that wait; above an amount two different people must say the same',
  tags: ['reviews'],
  request: {
    params: z.object({ bundle_id: bundleId }),
    query: z.object({ device_id: deviceId.optional() }),
    headers: writeHeaders,
    body: jsonBody(
      z.strictObject({
        choice: z.enum(REVIEW_CHOICES),
        payments: z.union([
          z.array(counter).min(1).max(PAYMENTS_PER_BUNDLE_MAX),
          z.strictObject({ all_at_rev: z.int().min(1) }),
        ]),
        reason,
      }),
    ),
  },
  answers: { 200: json(z.strictObject({ payments: z.array(voteResult) }), 'Where each payment stands now') },
  refusals: ['state_conflict', 'already_voted', 'idempotency_conflict'],
})

/** What waits for people, and what they say. */
export const reviewRoutes = routes()
  .openapi(list, async (c) => {
    const { country, device_id: deviceId, cursor, limit } = c.req.valid('query')
    const filter = { country, deviceId, tenant: personOf(c).tenant, after: cursor }
    const rows = await listWaiting(c.env.DB, filter, limit)
    const { items, next_cursor } = pageOf(rows, limit, (row) => [row.received_at, row.bundle_id, row.device_id])
    const opened = await Promise.all(items.map((row) => openStored(c.env, storedOf(row))))
    const votesOf = await readVotes(
      c.env.DB,
      items.map((row) => row.bundle_id),
    )
    const reviews = items.map((row, at) =>
      waitingJson(row, opened[at] ?? { contents: 'not_verified' }, votesOf(row.bundle_id, row.device_id)),
    )
    return c.json({ reviews, next_cursor })
  })
  .openapi(vote, async (c) => {
    const { choice, payments, reason } = c.req.valid('json')
    const by = await actorOf(c)
    if (!by.ok) return refuse(c, by.error)
    const found = await visibleBundle(c, c.req.valid('param').bundle_id, c.req.valid('query').device_id)
    if (!found.ok) return refuse(c, found.error)
    const { deviceId, country } = found.value
    const policy = await policyNow(c.env, country, Date.now())
    const bundleId = parseUlid(found.value.bundleId)
    if (policy === undefined || bundleId === undefined) {
      return refuse(c, { code: 'temporarily_unavailable', retryAfterS: 5 })
    }
    const ballot = {
      bundleId,
      choice,
      payments: 'all_at_rev' in payments ? { allAtRev: payments.all_at_rev } : payments,
      reason: masked(reason),
      twoPeopleAbove: policy.reviewTwoPeopleAbove,
    }
    const result = await deviceStub(c.env, deviceId).review(ballot, by.value)
    if (!result.ok) return refuse(c, { code: result.error })
    return c.json({ payments: result.value.map((one) => resultJson(deviceId, one)) })
  })

export function resultJson(deviceId: string, { counter, choice, agreed, needed, decided }: VoteResult) {
  return { local_id: localId(deviceId, counter), choice, agreed, needed, decided }
}

const storedOf = ({ bundle_id: bundleId, device_id: deviceId, bundle, receipt }: WaitingBundle) => ({
  ...{ bundleId, deviceId, bundle, receipt },
})

function waitingJson(row: WaitingBundle, opened: Opened, votes: readonly ShownVote[]) {
  const details = new Map(opened.payments?.map((payment) => [payment.counter, withoutParties(payment)]))
  const payments = statesOf(JSON.parse(row.payments) as BundleRow['payments'])
  const waiting = payments.filter(([, status]) => status === 'review' || status === 'quarantined')
  return {
    bundle_id: row.bundle_id,
    device_id: row.device_id,
    country: row.country,
    tenant: row.tenant,
    seq: row.seq,
    rev: row.rev,
    status: row.status,
    currency: row.currency,
    received_at: row.received_at,
    contents: opened.contents,
    risk: riskJson(row.risk_score, JSON.parse(row.risk_reasons) as RiskBasis),
    payments: waiting.map(([counter, status, reason]) => ({
      local_id: localId(row.device_id, counter),
      counter,
      status,
      ...(reason !== undefined && { reason }),
      ...details.get(counter),
    })),
    votes: votesJson(row.device_id, votes),
  }
}
