import { z } from '@hono/zod-openapi'
import { CODE_STATES } from '../../../protocol/consent-code.ts'
import { DEVICE_STATUSES } from '../../../protocol/messages.ts'
import { WALLET_FAULTS } from '../../../protocol/owner-wallet.ts'
import { atMs, bytes, count, country, hex, id, score } from './scalars.ts'

const key = z.strictObject({ kid: hex, alg: z.int() })
export const registered = z.strictObject({ device_id: id, country, tenant: id, kid: hex })
export const heldKey = z.strictObject({ device_id: id, kid: hex })
export const standing = z.strictObject({
  device_id: id,
  status: z.enum(DEVICE_STATUSES),
  ended: z
    .strictObject({
      reviews: z.int().openapi({ description: 'Payments that waited for people' }),
      claims: z.int().openapi({
        description:
          'Payments that waited for their payers. One whose payer said yes before the book had heard of the revocation is posted all the same',
      }),
    })
    .optional()
    .openapi({ description: 'What waited on the device and failed with it; only of the act that revoked it' }),
})
const ownerWalletFault = z.enum(WALLET_FAULTS).nullable().openapi({
  description:
    'What the ledger says of the wallet that the device is registered for. `unknown`: it has no such account, nothing that is paid to it can be posted. `foreign`: another tenant opened it, and of this device only what payers signed is posted. `null`: nothing is known against it',
})
export const listedDevice = z.strictObject({
  device_id: id,
  tenant: id,
  country,
  status: z.enum(DEVICE_STATUSES),
  alg: z.int(),
  kid: hex,
  registered_at: atMs,
  owner_wallet_fault: ownerWalletFault,
  rebuilt_at: atMs
    .nullable()
    .openapi({ description: 'When what is listed of the device was last made again from its object' }),
})
const consentRequest = { request: id, kid: hex, asked_by: z.string(), asked_at: atMs, until: atMs }
/** In a list over all devices. */
export const askedConsent = z
  .strictObject({ device_id: id, tenant: id, country, ...consentRequest })
  .openapi('AskedConsent')
export const consents = z
  .strictObject({
    asked: z
      .strictObject(consentRequest)
      .nullable()
      .openapi({ description: 'What another person may confirm, for 7 days' }),
    code: z
      .strictObject({ no: count, asked_at: atMs, until: atMs, state: z.enum(CODE_STATES), wrong: count })
      .nullable()
      .openapi({
        description: "The device's newest request for a code to the wallet's holder, as the book says it is",
      }),
    given: z.array(
      z.strictObject({
        kid: hex,
        asked_by: z.string(),
        confirmed_by: z.string(),
        given_at: atMs,
        until: atMs,
        withdrawn_at: atMs.nullable(),
        withdrawn_by: z.string().nullable(),
        refused_at: atMs.nullable().openapi({ description: 'When the ledger said that it does not bear it out' }),
      }),
    ),
  })
  .openapi('Consents')
export const device = z
  .strictObject({
    device_id: id,
    status: z.enum(DEVICE_STATUSES),
    country,
    tenant: id,
    registered_at: atMs,
    owner_wallet_fault: ownerWalletFault,
    owner_wallet_masked: z.string().openapi({ description: 'Its last characters', example: '***567' }),
    registered_by: z.string(),
    pays_by: z.strictObject({ word: z.enum(['consent', 'payer']), until: atMs.nullable() }).openapi({
      description:
        "By whose word the device pays. `consent`: by its own, out of its owner's wallet, until then; `payer`: it only receives, and everything it takes needs its payer's word",
    }),
    consents,
    key,
    older_keys: z.array(
      key.extend({ state: z.enum(['retiring', 'retired', 'revoked']), last_seq: z.int().nullable() }),
    ),
    last_seq: count,
    missing_seqs: z.array(z.int()),
    missing_counters: z.array(z.int()),
    contradictions: count,
    activity: z.array(z.strictObject({ date: z.string(), currency: z.string(), count, value: count })),
    last_push_at: atMs.nullable(),
    reputation: score.openapi({ description: '0 is the worst, 0.5 a device that nobody knows' }),
    last_risk_score: score.nullable(),
    owed: z.strictObject({ settle: count, index: count, escalations: count, oldest_at: atMs.nullable() }),
  })
  .openapi('Device')
export const evidence = z.strictObject({
  kind: z.string(),
  seq: z.int(),
  against_seq: z.int().nullable().openapi({ description: 'Seq of the admitted bundle that it contradicts' }),
  at: atMs,
  digest: hex.openapi({ description: 'SHA-256 of the sealed bytes of the bundle that contradicts' }),
  signed: bytes.openapi({ description: 'That bundle as a COSE_Sign1 with detached payload: header and signature' }),
  admitted: bytes.nullable().openapi({ description: 'The admitted bundle, whole' }),
})
