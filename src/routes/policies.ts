import { Hono } from 'hono'
import { policiesInForce } from '../ingest/policy-cache.ts'
import { isCountry } from '../protocol/policy.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'
import { authenticate } from './auth.ts'
import { policyJson } from './signed-json.ts'

/** The policies in force. */
export const policyRoutes = new Hono<App>()
  .get('/offline/policies', async (c) => {
    const person = await authenticate(c, ['pay_reviewer', 'pay_auditor'])
    if (!person.ok) return refuse(c, person.error)
    const policies = await policiesInForce(c.env.DB, Date.now())
    return c.json({ policies: [...policies.values()].map(policyJson) })
  })
  .get('/offline/policies/:country', async (c) => {
    const person = await authenticate(c, ['pay_reviewer', 'pay_auditor'])
    if (!person.ok) return refuse(c, person.error)
    const country = c.req.param('country')
    const policy = isCountry(country) ? (await policiesInForce(c.env.DB, Date.now())).get(country) : undefined
    return policy ? c.json(policyJson(policy)) : refuse(c, { code: 'not_found' })
  })
