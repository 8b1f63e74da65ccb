import { z } from '@hono/zod-openapi'
import { codeHash, enrolmentCode, normalCode, openWithCode, sealWithCode } from '../../crypto/enrolment-code.ts'
import { toHex } from '../../protocol/bytes.ts'
import { newUlid, ulidText } from '../../protocol/ids.ts'
import { isCanonicalWallet } from '../../protocol/wallet.ts'
import { seesTenant } from '../auth/person.ts'
import { configOf } from '../config.ts'
import { expiryOf, type KnownOfDevice, mayHaveCode, walletAad } from '../enrolment/code.ts'
import { circumstances, claimOf, registrationOf, validCode } from '../enrolment/enrol.ts'
import { deviceStub } from '../env.ts'
import { policiesInForce } from '../ingest/policy-cache.ts'
import { addressKey, withinRate } from '../ingest/rate-limit.ts'
import { RATE_POLICIES } from '../ingest/rate-policy.ts'
import { auditInsert } from '../store/audit.ts'
import { expectDevice } from '../store/countries.ts'
import { codeInsert, latestCode } from '../store/enrolment.ts'
import { answerInsert, commit, readAnswer } from '../store/idempotency.ts'
import { actorOf, requestOf } from './actor.ts'
import { refuse } from './answers.ts'
import { type App, personOf } from './app-types.ts'
import { claimedDevice, newKey, ownKey } from './own-key.ts'
import { country, deviceId, tenant, writeHeaders } from './params.ts'
import { heldKey } from './schemas/devices.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const codeAnswer = z.strictObject({
  device_id: z.string(),
  code: z.string().openapi({ example: '7H2K-9QXA-0M4V-ZR3D' }),
  expires_at: z.int(),
})

const make = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/devices/enrolment-codes',
  summary: 'Make a one-time code with which a POS registers itself; it replaces the code made before for this device',
  tags: ['devices'],
  request: {
    headers: writeHeaders,
    body: jsonBody(
      z.strictObject({
        device_id: deviceId,
        country,
        tenant,
        owner_wallet: z.string().refine(isCanonicalWallet),
        valid_hours: z.int().min(1).max(168).default(24),
      }),
    ),
  },
  answers: { 201: json(codeAnswer, 'The code, shown to whoever made it and stored nowhere') },
  refusals: ['idempotency_conflict', 'device_exists'],
})

const enrol = secured('public', {
  method: 'post',
  path: '/offline/enrol',
  summary: 'Register a POS, or a POS that lost its state, by a one-time code',
  tags: ['devices'],
  request: { body: jsonBody(z.strictObject({ code: z.string().max(64), ...newKey })) },
  answers: {
    200: json(heldKey, 'It was enrolled before, with this code and key'),
    201: json(heldKey, 'Enrolled; its first notice says where it stands'),
  },
  refusals: ['enrolment_code_invalid', 'weak_key', 'key_not_proven', 'clock_skew', 'rate_limited'],
})

/** A POS registers itself without a person's token on it. */
export const enrolmentRoutes = routes()
  .openapi(make, async (c) => {
    const body = c.req.valid('json')
    const by = await actorOf(c)
    if (!by.ok) return refuse(c, by.error)
    if (!seesTenant(personOf(c), body.tenant)) return refuse(c, { code: 'forbidden' })
    const { actor, once, requestId = null, from } = by.value
    const [codeKey, nowMs] = [await configOf(c.env).enrolmentCodeKey(), Date.now()]
    const { device_id, country, tenant } = body
    const again = async () => {
      const stored = once && (await readAnswer(c.env.DB, actor, once))
      if (stored?.kind !== 'same') return stored?.kind === 'conflict' ? ('conflict' as const) : undefined
      const { id, expires_at } = answered.parse(stored.answer)
      return { device_id, code: await enrolmentCode(codeKey, id), expires_at }
    }
    const before = await again()
    if (before === 'conflict') return refuse(c, { code: 'idempotency_conflict' })
    if (before !== undefined) return c.json(before, 201)
    const asked = { country, tenant, ownerWallet: body.owner_wallet }
    const may = mayHaveCode(asked, await knownOf(c.env, device_id), nowMs)
    if (!may.ok) return refuse(c, may.error)
    const id = ulidText(newUlid(nowMs, (length) => crypto.getRandomValues(new Uint8Array(length))))
    const code = await enrolmentCode(codeKey, id)
    const expires_at = expiryOf(body.valid_hours, nowMs)
    const written = await commit(c.env.DB, [
      await codeInsert(c.env, {
        ...{ id, deviceId: device_id, country, tenant, createdAtMs: nowMs, expiresAtMs: expires_at, createdBy: actor },
        codeHash: await codeHash(code),
        sealedWallet: await sealWithCode(code, body.owner_wallet, walletAad(id, device_id)),
      }),
      auditInsert(c.env.DB, {
        ...{ id: `~enrolment/${id}`, deviceId: device_id, tenant, at: nowMs, actor, requestId, bundleId: null },
        action: 'enrolment_code_made',
        detail: { code: id, country, expires_at, ...(from !== undefined && { via: from }) },
      }),
      ...(once ? [answerInsert(c.env.DB, actor, once, { id, expires_at }, nowMs)] : []),
    ])
    if (written) return c.json({ device_id, code, expires_at }, 201)
    // The same request, at the same time.
    const other = await again()
    return other === undefined || other === 'conflict'
      ? refuse(c, { code: 'idempotency_conflict' })
      : c.json(other, 201)
  })
  .openapi(enrol, async (c) => {
    const body = c.req.valid('json')
    const address = addressKey(c.req.raw.headers) ?? 'unknown'
    const within = await withinRate(c.env.PUSH_RATE, RATE_POLICIES.device, `enrol ${address}`)
    if (!within.ok) return refuse(c, within.error)
    const nowMs = Date.now()
    const claim = claimOf(normalCode(body.code), claimedDevice(body.proof))
    if (!claim.ok) return refuse(c, claim.error)
    const { code, deviceId: device_id } = claim.value
    const valid = validCode(await latestCode(c.env, device_id), await codeHash(code), nowMs)
    if (!valid.ok) return refuse(c, valid.error)
    const found = valid.value
    const wallet = await openWithCode(code, found.sealedWallet, walletAad(found.id, device_id))
    const around = circumstances(wallet, (await policiesInForce(c.env, nowMs)).get(found.country))
    if (!around.ok) return refuse(c, around.error)
    const key = await ownKey(body, device_id, c.req.raw, around.value.policy, nowMs)
    if (!key.ok) return refuse(c, key.error)
    const facts = registrationOf({ ...found, deviceId: device_id }, around.value, key.value, nowMs)
    if (!facts.ok) return refuse(c, facts.error)
    const by = { actor: `code:${found.id}`, ...requestOf(c) }
    await expectDevice(c.env, facts.value.country, device_id)
    const result = await deviceStub(c.env, device_id).enrol(facts.value, { id: found.id, madeBy: found.createdBy }, by)
    if (!result.ok) return refuse(c, { code: result.error })
    c.set('deviceId', device_id)
    return c.json({ device_id, kid: toHex(facts.value.kid) }, result.value === 'registered' ? 201 : 200)
  })

const answered = z.object({ id: z.string(), expires_at: z.int() })

/** A code counts only while there is no device. */
async function knownOf(env: App['Bindings'], deviceId: string): Promise<KnownOfDevice> {
  const object = deviceStub(env, deviceId)
  const [device, owner] = await Promise.all([object.identity(), object.owner()])
  if (device.ok && owner.ok) {
    const { country, tenant, status } = device.value
    return { registered: { country, tenant, status, ownerWallet: owner.value.ownerWallet }, latest: undefined }
  }
  return { registered: undefined, latest: await latestCode(env, deviceId) }
}
