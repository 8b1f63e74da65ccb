import { z } from '@hono/zod-openapi'
import { readBase64url, toHex } from '../../protocol/bytes.ts'
import { payingGiver } from '../../protocol/consent-givers.ts'
import { parseConsentWord } from '../../protocol/consent-word.ts'
import { CONSENT_WORD_BYTES_MAX } from '../../protocol/limits.ts'
import { parse } from '../../protocol/parse.ts'
import { deviceStub } from '../env.ts'
import { authenticateDevice } from '../ingest/device-auth.ts'
import { signedBy } from '../ingest/signed-by.ts'
import { withinSignedQuota } from '../ingest/signed-quota.ts'
import { askIdentity } from '../ingest/standing-consents.ts'
import { requestOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { provenBy } from './app-types.ts'
import { consentTaken } from './schemas/words.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const bring = secured('device', {
  method: 'post',
  path: '/offline/consents',
  summary: 'A device brings the word of a paying device of the same wallet that it may pay too',
  tags: ['devices in the field'],
  request: {
    body: jsonBody(
      z.strictObject({
        consent: z
          .string()
          .max(Math.ceil((CONSENT_WORD_BYTES_MAX * 4) / 3))
          .openapi({ description: 'The signed word, a COSE_Sign1 as base64url (docs/protocol.md §6.9)' }),
      }),
    ),
  },
  answers: { 200: json(consentTaken, 'The device pays out of its owner’s wallet from now on') },
  refusals: [
    'unauthorized',
    'invalid_signature',
    'clock_skew',
    'device_suspended',
    'device_revoked',
    'consent_required',
    'state_conflict',
    'rate_limited',
  ],
})

/**
 * `POST /offline/consents`: the new device proves itself → the word's signature → its giver pays, for the same wallet and tenant →
 * the new device's object keeps it. To send the same word again is always safe.
 */
export const ownConsentRoutes = routes().openapi(bring, async (c) => {
  const nowMs = Date.now()
  const proven = await authenticateDevice(c.req.raw, await c.req.arrayBuffer(), c.env, nowMs)
  if (!proven.ok) return refuse(c, proven.error)
  const { device, proof } = proven.value
  const { deviceId } = proof.claims
  provenBy(c, deviceId)
  if (device.status !== 'active') return refuse(c, { code: `device_${device.status}` })
  const encoded = readBase64url(c.req.valid('json').consent)
  const read = encoded && parse(() => parseConsentWord(encoded))
  if (encoded === undefined || !read?.ok) return refuse(c, { code: 'invalid_request', detail: 'consent' })
  const within = await withinSignedQuota(c.env, deviceId, 'consent', proof, nowMs)
  if (!within.ok) return refuse(c, within.error)
  const { claims } = read.value
  const signer = await signedBy(c.env, read.value, 'molam-wallet-consent-v1', nowMs)
  if (!signer?.isCurrent) return refuse(c, { code: 'invalid_signature' })
  const giver = await payingGiver(askIdentity(c.env), { deviceId: claims.deviceId, kid: toHex(claims.kid) }, nowMs)
  const isOfWallet = giver?.ownerWallet === device.ownerWallet && giver.tenant === device.tenant
  if (!isOfWallet || !giver.isCurrent) return refuse(c, { code: 'consent_required' })
  const by = requestOf(c)
  const object = deviceStub(c.env, deviceId)
  const taken = await object.takeConsentWord(read.value, encoded, { untilMs: giver.untilMs, atMs: nowMs }, by)
  return taken.ok ? c.json({ until: taken.value.untilMs }) : refuse(c, objectRefusal(taken.error))
})
