import { z } from '@hono/zod-openapi'
import type { VoteLimits, VoteResult } from '../../../durable-objects/device/ballot.ts'
import { localId, parseUlid } from '../../protocol/ids.ts'
import { PAYMENTS_PER_BUNDLE_MAX } from '../../protocol/limits.ts'
import { REVIEW_CHOICES } from '../../protocol/messages.ts'
import type { PolicyVersion } from '../../protocol/policy-version.ts'
import { deviceStub } from '../env.ts'
import { type Opened, withoutParties } from '../ingest/open-stored.ts'
import { policyNow } from '../ingest/policy-cache.ts'
import { listWaiting } from '../store/countries.ts'
import type { BundleRow } from '../store/index-message.ts'
import { mendReadModel } from '../store/mend.ts'
import { readVotes, type ShownVote } from '../store/votes.ts'
import { actorOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { bundleJson } from './bundle-json.ts'
import { visibleBundle } from './bundles.ts'
import { pageOf, timeIdsCursor } from './cursor.ts'
import { masked } from './masked.ts'
import { bundleId, counter, country, deviceId, page, queryInt, reason, writeHeaders } from './params.ts'
import type { Party } from './parties.ts'
import { riskJson } from './risk-json.ts'
import { review, voteResult } from './schemas/bundles.ts'
import { json, jsonBody, routes, secured } from './secured.ts'
import { votesJson } from './votes-json.ts'
import { FOR_PEOPLE, waitingIn, withParties } from './waiting.ts'

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
  answers: {
    200: json(
      page('reviews', review).extend({
        counts_cut: z.boolean().openapi({ description: 'More waits than the parties were counted in' }),
      }),
      'A page',
    ),
  },
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
  refusals: ['state_conflict', 'already_voted', 'registrar_cannot_vote', 'idempotency_conflict'],
})

/** What waits for people, and what they say. */
export const reviewRoutes = routes()
  .openapi(list, async (c) => {
    const { country, device_id: deviceId, cursor, limit } = c.req.valid('query')
    const filter = { country, deviceId, tenant: personOf(c).tenant, after: cursor }
    const rows = await listWaiting(c.env, { ...filter, statuses: FOR_PEOPLE, order: 'oldest' }, limit)
    const { items, next_cursor } = pageOf(rows, limit, (row) => [row.receivedAt, row.bundleId, row.deviceId])
    const { opened, parties, isCut } = await withParties(c.env, items, personOf(c).tenant)
    const votesOf = await readVotes(
      c.env.DB,
      items.map((row) => row.bundleId),
    )
    c.executionCtx.waitUntil(mendReadModel(c.env, { bundles: items }, Date.now()))
    const reviews = items.map((row) => waitingJson(row, opened(row), parties, votesOf(row.bundleId, row.deviceId)))
    return c.json({ reviews, next_cursor, counts_cut: isCut })
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
      limits: voteLimits(policy),
    }
    const result = await deviceStub(c.env, deviceId).review(ballot, by.value)
    if (!result.ok) return refuse(c, objectRefusal(result.error))
    return c.json({ payments: result.value.map((one) => resultJson(deviceId, one)) })
  })

export function resultJson(deviceId: string, { counter, choice, agreed, needed, neededFor, decided }: VoteResult) {
  const two = neededFor && { needed_for: neededFor }
  return { local_id: localId(deviceId, counter), choice, agreed, needed, ...two, decided }
}

export const voteLimits = ({ policy, reviewTwoPeopleAbove }: PolicyVersion): VoteLimits => ({
  twoPeopleAbove: reviewTwoPeopleAbove,
  dailyValue: policy.personDailyValue,
})

function waitingJson(row: BundleRow, opened: Opened, party: (wallet: string) => Party, votes: readonly ShownVote[]) {
  const details = new Map(
    opened.payments?.map((payment) => {
      const { counter, sender, receiver } = payment
      return [counter, { ...withoutParties(payment), payer: party(sender), payee: party(receiver) }]
    }),
  )
  const waiting = waitingIn(row)
  return {
    ...bundleJson(row),
    received_at: row.receivedAt,
    contents: opened.contents,
    risk: riskJson(row.riskScore, row.riskReasons),
    payments: waiting.map(([counter, status, reason]) => ({
      local_id: localId(row.deviceId, counter),
      counter,
      status,
      ...(reason !== undefined && { reason }),
      ...details.get(counter),
    })),
    votes: votesJson(row.deviceId, votes),
  }
}
