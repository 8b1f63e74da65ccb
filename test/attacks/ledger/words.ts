import { contentHash } from '../../../reconciler/settle/content-hash.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { DAY_MS, HOUR_MS } from '../../../src/protocol/time.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { TestDevice } from '../../kit/device.ts'
import { newWallet } from '../../reconciler/kit.ts'
import type { Kind } from './kinds.ts'
import { postAgain, type Scene } from './planted.ts'

/** Words of holders that are given for them, or put away: nothing has moved by them yet. */
export const WORDS: readonly Kind[] = [
  {
    what: 'an accepted payment that is put away as a copy, by the login that settles',
    check: 'bundle_evidence',
    async plant(scene) {
      await postAgain(scene, await poor(scene), [null, null], ['refused', 'duplicate'])
    },
  },
  {
    what: 'an accepted payment that is said to be too old, by the login that settles',
    check: 'bundle_evidence',
    async plant(scene) {
      await postAgain(scene, await poor(scene), [null, null], ['failed', 'too_old'])
    },
  },
  {
    what: 'an accepted payment that is said to lack its payer’s word, by the login that settles',
    check: 'bundle_evidence',
    async plant(scene) {
      // Long after the book has heard the last of till and phone.
      const atMs = scene.world.now + 12 * HOUR_MS
      await postAgain(scene, await poor(scene), [null, null], ['failed', 'payer_not_proven', atMs])
    },
  },
  {
    what: 'a holder’s signed answer that is closed as nobody’s, by the login that settles',
    check: 'holders_words',
    async plant({ world, db, as, device, payer }) {
      const phone = await world.phone(payer)
      const asked = device.payment({ sender: payer, amount: amountMinor(1000) })
      const claim = {
        takerId: device.id,
        counter: asked.counter,
        amount: asked.amount,
        contentHash: await contentHash(asked),
      }
      const answer = await signAnswer(phone, { ...claim, choice: 'confirm', answeredAtMs: world.now })
      const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
      const message = { kind: 'claim_answer', deviceId: phone.id, rev: 1, answer, factsRev: 1 } as const
      world.network.send(sealSettleMessage(message, async () => keys))
      // Its bundle has not come, so it is open.
      const open = async () => {
        const { rows } = await db.app.query('SELECT id FROM offline_claim_answers WHERE payer_device_id = $1', [
          phone.id,
        ])
        return rows[0]?.id as number | undefined
      }
      const id = await until(world, open)
      await as('settle', 'SELECT offline_close_unsigned_answers(ARRAY[$1::bigint], now())', [id])
    },
  },
  {
    what: 'a mandate that its holder has not given, by the login that records',
    check: 'holders_words',
    async plant({ world, as, payer }) {
      const { id, kid } = await world.phone(payer)
      await as(
        'record',
        `INSERT INTO offline_mandates (payer_device_id, rev, no, kid, wallet, currency, payment_max_minor, day_max_minor, until_at,
           given_at, mandate, recorded_at, is_his)
         VALUES ($1, 1, 1, $2, $3, 'XOF', 2000, 5000, now() + interval '30 days', now(), 'x', now(), true)`,
        [id, Buffer.from(kid), payer],
      )
    },
  },
  {
    what: 'a consent by a code that is none, by the login that records',
    check: 'device_evidence',
    async plant(scene) {
      const { phone, code, consent } = await asked(scene)
      const wrong = await consent(String((Number(code) + 1) % 100_000_000).padStart(8, '0'))
      await scene.as(
        'record',
        `INSERT INTO offline_wallet_consents (device_id, digest, thumbprint, wallet, tenant, asked_by, confirmed_by, by_holder,
           given_at, until_at, signed, recorded_at)
         SELECT device_id, sha256($2), thumbprint, wallet, tenant, 'device:' || device_id, 'holder', true,
                asked_at + interval '1 millisecond', asked_at + interval '30 days', $2, now()
         FROM offline_consent_codes WHERE device_id = $1`,
        [phone.id, Buffer.from(wrong)],
      )
    },
  },
  {
    what: 'people’s consent that is called the holder’s',
    check: 'device_evidence',
    plant: ({ root, device }) =>
      root(
        `UPDATE offline_wallet_consents SET by_holder = true, confirmed_by = 'holder' WHERE device_id = '${device.id}'`,
      ),
  },
  {
    what: 'a code of which a key is named that nobody has',
    check: 'device_evidence',
    async plant(scene) {
      const { phone } = await answered(scene)
      await scene.root(
        `UPDATE offline_consent_codes SET key_id = 'ffffffffffffffff' WHERE device_id = '${phone.id}';
         UPDATE offline_wallet_consents SET recorded_at = now() WHERE device_id = '${phone.id}'`,
      )
    },
  },
  {
    what: 'a try of a holder’s code that nobody made, by the login that records',
    check: 'device_evidence',
    async plant(scene) {
      const { phone } = await asked(scene)
      await scene.as(
        'record',
        "INSERT INTO offline_consent_answers (device_id, no, digest, is_right, recorded_at) VALUES ($1, 1, sha256('x'), false, now())",
        [phone.id],
      )
    },
  },
  {
    what: 'the right code that is put away as a wrong one',
    check: 'device_evidence',
    async plant(scene) {
      const { phone } = await answered(scene)
      await scene.root(`UPDATE offline_consent_answers SET is_right = false WHERE device_id = '${phone.id}'`)
    },
  },
  {
    what: 'a code to a holder that no device has asked for, by the login that records',
    check: 'device_evidence',
    plant: ({ as, device }) =>
      as(
        'record',
        `INSERT INTO offline_consent_codes (device_id, no, rev, thumbprint, wallet, tenant, asked_at, until_at, key_id, recorded_at,
           next_attempt_at)
         SELECT device_id, 1, 1, sha256('x'), owner_wallet, tenant, now(), now() + interval '15 minutes', 'ffffffffffffffff', now(),
                now() + interval '1 hour' FROM offline_devices WHERE device_id = $1`,
        [device.id],
      ),
  },
]

/** A payment with its payer's word. Its payer has no money, so that it has moved none. */
async function poor({ db, device }: Scene) {
  const sender = newWallet()
  await db.open(sender)
  return device.payment({ sender, amount: amountMinor(2500) })
}

let phones = 0

/** A customer's device that has asked for a code, and the code that went to its holder. */
async function asked({ world, db }: Scene) {
  const phone = Object.assign(await TestDevice.create(), { hasConsent: false })
  phones += 1
  await db.open(phone.ownerWallet, 10_000, { phone: `+22996${String(phones).padStart(6, '0')}` })
  const request = { no: 1, askedAtMs: world.now }
  world.network.send(await world.facts(phone, { code: request }))
  const text = () => world.network.texts.find(({ id }) => id === `${phone.id}/1`)?.text
  const code = (await until(world, async () => text())).slice(-8)
  const consent = async (digits: string) => {
    const givenAtMs = request.askedAtMs + 1
    const names = { askedBy: `device:${phone.id}`, confirmedBy: 'holder' }
    const times = { givenAtMs, untilMs: request.askedAtMs + 30 * DAY_MS }
    return (await world.consent(phone, { ...names, ...times, code: { ...request, digits } })).signed
  }
  return { phone, request, code, consent }
}

/** The same, and the holder's word by it is in the book. */
async function answered(scene: Scene) {
  const { world, db } = scene
  const { phone, request, code, consent } = await asked(scene)
  const answer = await consent(code)
  world.network.send(await world.facts(phone, { rev: 2, code: { ...request, answer } }))
  await until(world, async () => {
    const { rowCount } = await db.app.query('SELECT FROM offline_wallet_consents WHERE device_id = $1', [phone.id])
    return rowCount || undefined
  })
  return { phone }
}

const ROUNDS_MAX = 5000

/** Settles until there is something. */
async function until<T>(world: Scene['world'], find: () => Promise<T | undefined>): Promise<T> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const found = await find()
    if (found !== undefined) return found
    await world.settle()
  }
  throw new Error('what an attack begins with did not come')
}
