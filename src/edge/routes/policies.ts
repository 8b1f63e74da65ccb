import { z } from '@hono/zod-openapi'
import { inForceAt } from '../../protocol/policy-version.ts'
import { policiesInForce, versionsNow } from '../ingest/policy-cache.ts'
import { UNREADABLE } from '../policies/change.ts'
import { stillToCome } from '../policies/version.ts'
import { listVersions } from '../store/policies.ts'
import { refuse } from './answers.ts'
import { cursorOf, limit, versionCursor } from './cursor.ts'
import { country, page } from './params.ts'
import { policyVersionJson } from './policy-json.ts'
import { policy, policyInForce, policyVersion } from './schemas/policies.ts'
import { json, routes, secured } from './secured.ts'
import { policyJson } from './signed-json.ts'

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

/** The rules of the countries. A version is never changed; how the next one is made stands in policy-proposals.ts. */
export const policyRoutes = routes()
  .openapi(inForce, async (c) => {
    const policies = await policiesInForce(c.env, Date.now())
    return policies.size === 0 ? refuse(c, UNREADABLE) : c.json({ policies: [...policies.values()].map(policyJson) })
  })
  .openapi(show, async (c) => {
    const nowMs = Date.now()
    const versions = (await versionsNow(c.env, c.req.valid('param').country)) ?? []
    const current = inForceAt(versions, nowMs)
    if (current === undefined) return refuse(c, UNREADABLE)
    return c.json({ ...policyVersionJson(current), scheduled: stillToCome(versions, nowMs).map(policyVersionJson) })
  })
  .openapi(versions, async (c) => {
    const { country } = c.req.valid('param')
    const { cursor, limit } = c.req.valid('query')
    const { versions, next } = await listVersions(c.env, country, cursor?.[0] ?? Number.MAX_SAFE_INTEGER, limit)
    return c.json({
      versions: versions.map(policyVersionJson),
      next_cursor: next === undefined ? null : cursorOf(next),
    })
  })
