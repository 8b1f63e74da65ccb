import { z } from '@hono/zod-openapi'
import { newUlid, ulidText } from '../../protocol/ids.ts'
import { CONSENT_DAYS_MAX } from '../../protocol/limits.ts'
import { DAY_MS } from '../../protocol/time.ts'
import { deviceStub } from '../env.ts'
import { listAskedConsents } from '../store/countries.ts'
import { actorOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { limit, pageOf, timeCursor } from './cursor.ts'
import { askedConsentJson, consentsJson } from './device-json.ts'
import { masked } from './masked.ts'
import { country, deviceParams, page, reason, reasonBody, ulid, writeHeaders } from './params.ts'
import { askedConsent, consents } from './schemas/devices.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const list = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/consent-requests',
  summary: 'Consent that one person asked for and another one may confirm, of all devices, the longest waiting first',
  tags: ['devices'],
  request: { query: z.object({ country: country.optional(), cursor: timeCursor, limit }) },
  answers: { 200: json(page('requests', askedConsent), 'A page') },
})

const ask = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/devices/{device_id}/consents',
  summary: 'Ask that a device may debit its owner’s wallet, a merchant’s or an agent’s; another person confirms',
  tags: ['devices'],
  request: {
    params: deviceParams,
    headers: writeHeaders,
    body: jsonBody(
      z.strictObject({ valid_days: z.int().min(1).max(CONSENT_DAYS_MAX).default(CONSENT_DAYS_MAX), reason }),
    ),
  },
  answers: { 201: json(consents, 'What is asked for and was given') },
  refusals: ['state_conflict', 'idempotency_conflict'],
})

const confirm = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/devices/{device_id}/consents/{request}/confirm',
  summary: 'Confirm what another person asked for; from now on the device pays out of its owner’s wallet',
  tags: ['devices'],
  request: { params: deviceParams.extend({ request: ulid }), headers: writeHeaders, body: jsonBody(reasonBody) },
  answers: { 200: json(consents, 'What is asked for and was given') },
  refusals: ['state_conflict', 'already_voted', 'idempotency_conflict'],
})

const withdraw = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/devices/{device_id}/consents/withdraw',
  summary: 'Withdraw the consent of a device at once, alone, with what is asked for; it only receives from now on',
  tags: ['devices'],
  request: { params: deviceParams, headers: writeHeaders, body: jsonBody(reasonBody) },
  answers: { 200: json(consents, 'What is asked for and was given') },
  refusals: ['idempotency_conflict'],
})

/** The tenant's word that a device may debit its owner's wallet: two people give it, one takes it back. */
export const consentRoutes = routes()
  .openapi(list, async (c) => {
    const { country, cursor, limit } = c.req.valid('query')
    const { tenant } = personOf(c)
    const found = await listAskedConsents(c.env, country, { tenant, after: cursor }, limit)
    const { items, next_cursor } = pageOf(found, limit, ({ request, device }) => [request.askedAtMs, device.deviceId])
    return c.json({ requests: items.map(askedConsentJson), next_cursor })
  })
  .openapi(ask, async (c) => {
    const by = await actorOf(c)
    if (!by.ok) return refuse(c, by.error)
    const { valid_days, reason } = c.req.valid('json')
    const nowMs = Date.now()
    const id = ulidText(newUlid(nowMs, (length) => crypto.getRandomValues(new Uint8Array(length))))
    const object = deviceStub(c.env, c.req.valid('param').device_id)
    const asked = await object.askConsent(id, nowMs + valid_days * DAY_MS, by.value, masked(reason))
    return asked.ok ? c.json(consentsJson(asked.value), 201) : refuse(c, objectRefusal(asked.error))
  })
  .openapi(confirm, async (c) => {
    const by = await actorOf(c)
    if (!by.ok) return refuse(c, by.error)
    const { device_id, request } = c.req.valid('param')
    const reason = masked(c.req.valid('json').reason)
    const given = await deviceStub(c.env, device_id).confirmConsent(request, by.value, reason)
    return given.ok ? c.json(consentsJson(given.value)) : refuse(c, objectRefusal(given.error))
  })
  .openapi(withdraw, async (c) => {
    const by = await actorOf(c)
    if (!by.ok) return refuse(c, by.error)
    const reason = masked(c.req.valid('json').reason)
    const left = await deviceStub(c.env, c.req.valid('param').device_id).withdrawConsent(by.value, reason)
    return left.ok ? c.json(consentsJson(left.value)) : refuse(c, objectRefusal(left.error))
  })
