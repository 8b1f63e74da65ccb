import { z } from '@hono/zod-openapi'
import { toHex } from '../../protocol/bytes.ts'
import { DEVICE_STATUSES } from '../../protocol/messages.ts'
import { isCanonicalWallet } from '../../protocol/wallet.ts'
import { seesTenant } from '../auth/person.ts'
import { deviceStub } from '../env.ts'
import { policiesInForce } from '../ingest/policy-cache.ts'
import { expectDevice, listDevices } from '../store/countries.ts'
import { rebuiltAt } from '../store/devices.ts'
import { claimKey, releaseKey } from '../store/idempotency.ts'
import { mendReadModel } from '../store/mend.ts'
import { actorOf } from './actor.ts'
import { refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { idCursor, limit, pageOf } from './cursor.ts'
import { descriptionJson, listedJson } from './device-json.ts'
import { newKey, notNow, ownKey } from './own-key.ts'
import { country, deviceId, deviceParams, page, tenant, writeHeaders } from './params.ts'
import { device, listedDevice, registered } from './schemas/devices.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const registration = z.strictObject({
  device_id: deviceId,
  country,
  tenant,
  owner_wallet: z.string().refine(isCanonicalWallet),
  ...newKey,
})

const register = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/devices',
  summary: 'Register a device with its key',
  tags: ['devices'],
  request: { headers: writeHeaders, body: jsonBody(registration) },
  answers: {
    200: json(registered, 'It was registered before, with the same facts'),
    201: json(registered, 'Registered'),
  },
  refusals: ['device_exists', 'weak_key', 'key_not_proven', 'clock_skew', 'idempotency_conflict'],
})

const list = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/devices',
  summary: 'Devices, in the order of their ids',
  tags: ['devices'],
  request: {
    query: z.object({
      country: country.optional(),
      tenant: tenant.optional(),
      status: z.enum(DEVICE_STATUSES).optional(),
      cursor: idCursor,
      limit,
    }),
  },
  answers: { 200: json(page('devices', listedDevice), 'A page') },
})

const show = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/devices/{device_id}',
  summary: 'One device as its object knows it: activity, chain, what is missing, what is owed',
  tags: ['devices'],
  request: { params: deviceParams },
  answers: { 200: json(device, 'The device') },
})

/** Registering devices, and looking at them. */
export const deviceRoutes = routes()
  .openapi(register, async (c) => {
    const body = c.req.valid('json')
    const [person, by] = [personOf(c), await actorOf(c)]
    if (!by.ok) return refuse(c, by.error)
    if (!seesTenant(person, body.tenant)) return refuse(c, { code: 'forbidden' })
    const nowMs = Date.now()
    const policy = (await policiesInForce(c.env, nowMs)).get(body.country)
    if (policy === undefined) return refuse(c, { code: 'temporarily_unavailable', retryAfterS: 5 })
    const key = await ownKey(body, body.device_id, c.req.raw, policy, nowMs)
    if (!key.ok) return refuse(c, key.error)
    const { device_id, country, tenant, owner_wallet: ownerWallet } = body
    const { isNow, ...proven } = key.value
    const answer = { device_id, country, tenant, kid: toHex(proven.kid) }
    const object = deviceStub(c.env, device_id)
    if (!isNow) return (await object.hasAnswered(by.value)) ? c.json(answer, 201) : refuse(c, notNow(nowMs))
    const { actor, once } = by.value
    // Which object answers depends on the body, so the key is taken where all of them can be told apart.
    if (once && !(await claimKey(c.env.DB, actor, once, nowMs))) return refuse(c, { code: 'idempotency_conflict' })
    const facts = { deviceId: device_id, country, tenant, ownerWallet, policy, ...proven }
    await expectDevice(c.env, country, device_id)
    const result = await object.register(facts, by.value)
    if (result.ok) return c.json(answer, result.value === 'registered' ? 201 : 200)
    if (once) await releaseKey(c.env.DB, actor, once)
    return refuse(c, { code: result.error })
  })
  .openapi(list, async (c) => {
    const { country, tenant, status, cursor, limit } = c.req.valid('query')
    const person = personOf(c)
    if (tenant !== undefined && !seesTenant(person, tenant)) return refuse(c, { code: 'forbidden' })
    const filter = { country, status, tenant: person.tenant ?? tenant, after: cursor?.[0] }
    const listed = await listDevices(c.env, filter, limit)
    const { items, next_cursor } = pageOf(listed, limit, ({ device }) => [device.deviceId])
    const rebuilt = await rebuiltAt(
      c.env.DB,
      items.map(({ device }) => device.deviceId),
    )
    c.executionCtx.waitUntil(mendReadModel(c.env, { devices: items }, Date.now()))
    const devices = items.map(({ device }) => listedJson(device, rebuilt.get(device.deviceId) ?? null))
    return c.json({ devices, next_cursor })
  })
  .openapi(show, async (c) => {
    const { device_id } = c.req.valid('param')
    const device = await deviceStub(c.env, device_id).describe()
    if (!device.ok || !seesTenant(personOf(c), device.value.tenant)) return refuse(c, { code: 'not_found' })
    return c.json(descriptionJson(device_id, device.value))
  })
