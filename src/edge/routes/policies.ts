import { z } from '@hono/zod-openapi'
import { policiesInForce } from '../ingest/policy-cache.ts'
import { newVersion, startOf, UNREADABLE } from '../policies/change.ts'
import { stillToCome } from '../policies/version.ts'
import { auditInsert } from '../store/audit.ts'
import { answerInsert, commit, readAnswer } from '../store/idempotency.ts'
import { listPolicyVersions, policyInsert, readPolicyInForce } from '../store/policies.ts'
import { actorOf } from './actor.ts'
import { refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { limit, pageOf, versionCursor } from './cursor.ts'
import { masked } from './masked.ts'
import { country, page, reason, writeHeaders } from './params.ts'
import { policyChanges, policyVersionJson } from './policy-json.ts'
import { policy, policyInForce, policyMade, policyVersion } from './schemas.ts'
import { json, jsonBody, routes, secured } from './secured.ts'
import { policyJson } from './signed-json.ts'

/** Versions that are looked through for ones that are still to come. */
const SCHEDULED_SHOWN_MAX = 20
const params = z.object({ country })

const inForce = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/policies',
  summary: 'The policies in force',
  tags: ['policies'],
  answers: { 200: json(z.strictObject({ policies: z.array(policy) }), 'One for each country') },
})

const show = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/policies/{country}',
  summary: 'The policy in force in a country, and those that are still to come',
  tags: ['policies'],
  request: { params },
  answers: { 200: json(policyInForce, 'The policy') },
})

const versions = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/policies/{country}/versions',
  summary: 'All versions of a policy, the newest first',
  tags: ['policies'],
  request: { params, query: z.object({ cursor: versionCursor, limit }) },
  answers: { 200: json(page('versions', policyVersion), 'A page') },
})

const create = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/policies',
  summary: 'Make a new version of a policy, at once or from a time on; older ones of that time or later are superseded',
  tags: ['policies'],
  request: {
    headers: writeHeaders,
    body: jsonBody(
      z.strictObject({
        country,
        after_version: z.int().min(1).openapi({
          description: 'The newest version there is, scheduled ones included: nobody undoes what he has not seen',
        }),
        effective_at: z.int().min(0).optional(),
        reason,
        changes: policyChanges.openapi({ description: 'Made to the version that would be in force at effective_at' }),
      }),
    ),
  },
  answers: { 201: json(policyMade, 'The new version') },
  refusals: ['version_conflict', 'contradictory_policy', 'idempotency_conflict'],
})

/** The rules of the countries. A version is never changed; a country is switched off by a new one. */
export const policyRoutes = routes()
  .openapi(inForce, async (c) => {
    const policies = await policiesInForce(c.env.DB, Date.now())
    return policies.size === 0 ? refuse(c, UNREADABLE) : c.json({ policies: [...policies.values()].map(policyJson) })
  })
  .openapi(show, async (c) => {
    const { country } = c.req.valid('param')
    const nowMs = Date.now()
    const [current, newest] = await Promise.all([
      readPolicyInForce(c.env.DB, country, nowMs),
      listPolicyVersions(c.env.DB, country, Number.MAX_SAFE_INTEGER, SCHEDULED_SHOWN_MAX),
    ])
    if (current === undefined) return refuse(c, UNREADABLE)
    return c.json({ ...policyVersionJson(current), scheduled: stillToCome(newest, nowMs).map(policyVersionJson) })
  })
  .openapi(versions, async (c) => {
    const { country } = c.req.valid('param')
    const { cursor, limit } = c.req.valid('query')
    const before = cursor?.[0] ?? Number.MAX_SAFE_INTEGER
    const found = await listPolicyVersions(c.env.DB, country, before, limit + 1)
    const { items, next_cursor } = pageOf(found, limit, ({ policy }) => [policy.version])
    return c.json({ versions: items.map(policyVersionJson), next_cursor })
  })
  .openapi(create, async (c) => {
    const { country, after_version, effective_at, reason, changes } = c.req.valid('json')
    const by = await actorOf(c)
    if (!by.ok) return refuse(c, by.error)
    // A policy is for all tenants of its country.
    if (personOf(c).tenant !== undefined) return refuse(c, { code: 'forbidden' })
    const { actor, once, requestId = null, from } = by.value
    const stored = once && (await readAnswer(c.env.DB, actor, once))
    if (stored?.kind === 'conflict') return refuse(c, { code: 'idempotency_conflict' })
    if (stored?.kind === 'same') return c.json(stored.answer as object, 201)

    const nowMs = Date.now()
    const start = startOf(effective_at, nowMs)
    if (!start.ok) return refuse(c, start.error)
    const effectiveAtMs = start.value
    // What is scheduled for later is none of its content: to switch a country off must not bring limits forward.
    const [newest, base] = await Promise.all([
      listPolicyVersions(c.env.DB, country, Number.MAX_SAFE_INTEGER, SCHEDULED_SHOWN_MAX),
      readPolicyInForce(c.env.DB, country, effectiveAtMs),
    ])
    const asked = { changes, afterVersion: after_version, effectiveAtMs, by: actor }
    const made = newVersion(asked, { newest, base }, nowMs)
    if (!made.ok) return refuse(c, made.error)
    const { version, supersedes } = made.value
    const answer = { ...policyVersionJson(version), supersedes }
    const fields = Object.entries(changes).map(([name, value]) => `${name}=${value}`)
    const written = await commit(c.env.DB, [
      policyInsert(c.env.DB, version),
      auditInsert(c.env.DB, {
        ...{ id: `~policy/${country}/${version.policy.version}`, deviceId: null, tenant: null, bundleId: null },
        ...{ at: nowMs, actor, requestId, action: 'policy_version_made' },
        detail: {
          ...{ country, version: version.policy.version, effective_at: effectiveAtMs },
          ...{ reason: masked(reason), changes: fields.join(' '), ...(from !== undefined && { via: from }) },
        },
      }),
      ...(once ? [answerInsert(c.env.DB, actor, once, answer, nowMs)] : []),
    ])
    if (!written) {
      const again = once && (await readAnswer(c.env.DB, actor, once))
      if (again?.kind === 'same') return c.json(again.answer as object, 201)
      return refuse(c, { code: again?.kind === 'conflict' ? 'idempotency_conflict' : 'version_conflict' })
    }
    return c.json(answer, 201)
  })
