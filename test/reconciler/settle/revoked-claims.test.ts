import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { contentHash } from '../../../reconciler/settle/content-hash.ts'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import { currency } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signMandate } from '../../kit/mandate.ts'
import { useDatabase } from '../database.ts'
import { roundWithCut } from '../faults/cut.ts'
import { EVENTUALLY, evidenceOf, makeWorld, type World } from '../kit.ts'

/**
 * Claims of a till that was revoked. Of its payer's yes and the revocation a claim has one end, by whichever the book recorded
 * first, whatever is carried out first, and in whatever process.
 */
const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(async () => {
  const evidence = await evidenceOf(world)
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 3, onProgress: () => undefined })
  expect(findings.filter(({ found }) => found > 0)).toEqual([])
})

const CLAIMED = { exceptions: [{ counter: 1, decision: 'claimed' }], status: 'claimed' } as const
const REVIEWED = {
  exceptions: [{ counter: 1, decision: 'review', reason: 'risk_review' }],
  status: 'review',
} as const
type End = 'yes' | 'revoked'

/** A shop's till takes one payment from a phone's wallet without its word. */
async function scene(admitted: typeof CLAIMED | typeof REVIEWED = CLAIMED) {
  const shop = await world.device()
  shop.signsForPayers = false
  const phone = await world.device('customer', 10_000)
  const taken = shop.payment({ sender: phone.ownerWallet, initiatedAtMs: Math.floor(world.now / 1000) * 1000 })
  const made = await shop.bundle([taken], world.keySet)
  world.network.send(world.facts(shop), world.facts(phone))
  const { counter, amount } = taken
  const about = { takerId: shop.id, counter, amount, contentHash: await contentHash(taken) }
  return {
    ...{ shop, phone, made },
    bundle: await world.admitMade(made, [taken], admitted),
    yes: await sealed({
      ...{ kind: 'claim_answer', deviceId: phone.id, rev: 1, factsRev: 1 },
      answer: await signAnswer(phone, { ...about, choice: 'confirm', answeredAtMs: world.now }),
    }),
    /** What the till's object says as it is revoked. */
    revocation: await world.review(made, 2, { 1: 'revoke' }, { actors: ['user:awa'] }),
  }
}
type Scene = Awaited<ReturnType<typeof scene>>

async function sealed(message: Parameters<typeof sealSettleMessage>[0]): Promise<Uint8Array> {
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  return sealSettleMessage(message, async () => keys)
}
async function settle(...messages: readonly Uint8Array[]): Promise<void> {
  world.network.send(...messages)
  await world.settle()
}

const statusOf = async ({ id }: TestDevice) => {
  const { rows } = await db().app.query('SELECT status, reason FROM offline_transactions WHERE device_id = $1', [id])
  return rows.map(({ status, reason }) => (reason ? `${status}: ${reason}` : status)).join()
}
const resultsOf = async ({ id }: TestDevice) => {
  const { rows } = await db().app.query(
    `SELECT (SELECT string_agg(result, ' ' ORDER BY id) FROM offline_claim_answers WHERE device_id = $1) AS answers,
            (SELECT string_agg(result, ' ') FROM offline_resolutions WHERE device_id = $1 AND choice = 'revoke') AS ends`,
    [id],
  )
  return rows[0]
}
const toldPhone = ({ phone }: Scene) =>
  world.network.confirmed.findLast((one) => one.kind === 'claims_open' && one.deviceId === phone.id)

/** Posted or failed once, and everybody is told that. */
async function expectEnd(one: Scene, end: End): Promise<void> {
  const { shop, phone } = one
  const isPaid = end === 'yes'
  expect(await statusOf(shop)).toBe(isPaid ? 'succeeded' : 'failed: device_revoked')
  expect(await resultsOf(shop)).toEqual(
    isPaid ? { answers: 'applied', ends: 'not_waiting' } : { answers: 'not_claimed', ends: 'applied' },
  )
  expect(await db().balance(phone.ownerWallet)).toBe(isPaid ? 7_500 : 10_000)
  expect(await db().balance(shop.ownerWallet)).toBe(isPaid ? 2_500 : 0)
  expect(world.network.outcomes(shop.id).at(-1)).toMatchObject(
    isPaid ? { counter: 1, status: 'succeeded' } : { counter: 1, status: 'failed', reason: 'device_revoked' },
  )
  expect(toldPhone(one)).toMatchObject({ claims: [] })
}

test('a claim fails with its device: its payer is asked no more, and a yes that comes then counts for nothing', async () => {
  const one = await scene()
  await settle(one.bundle)
  expect(toldPhone(one)).toMatchObject({ claims: [{ counter: 1 }] })
  await settle(one.revocation)
  expect(await statusOf(one.shop)).toBe('failed: device_revoked')
  expect(toldPhone(one), 'before the payer says anything').toMatchObject({ claims: [] })
  await settle(one.yes)
  await expectEnd(one, 'revoked')
})

test('what its payer confirmed before is paid', async () => {
  const one = await scene()
  await settle(one.bundle)
  await settle(one.yes)
  await settle(one.revocation)
  await expectEnd(one, 'yes')
})

test('what its payer confirmed is paid though it is carried out after the revocation came: both are in one batch', async () => {
  const one = await scene()
  await settle(one.bundle)
  await settle(one.revocation, one.yes)
  await expectEnd(one, 'yes')
})

test('a revocation that was put off keeps a later yes from counting', async () => {
  const one = await scene()
  await settle(one.revocation)
  await db().owner.query("UPDATE offline_resolutions SET retry_at = $2 WHERE device_id = $1 AND choice = 'revoke'", [
    one.shop.id,
    new Date(world.now + 5 * 60_000),
  ])
  // By rounds without the minutes that would end the pause.
  const worker = await world.reconciler()
  for (const message of [one.bundle, one.yes]) {
    world.network.send(message)
    await worker.once()
  }
  expect(await statusOf(one.shop), 'the yes alone does nothing').toBe('claimed')
  world.now += 5 * 60_000
  await world.settle()
  await expectEnd(one, 'revoked')
})

test('three reconcilers with both messages at once, each of them twice: one end', async () => {
  const all = await Promise.all([world.reconciler(), world.reconciler(), world.reconciler()])
  const scenes = await Promise.all(Array.from({ length: 12 }, () => scene()))
  await settle(...scenes.map(({ bundle }) => bundle))
  const messages = scenes.flatMap(({ yes, revocation }, n) => (n % 2 ? [yes, revocation] : [revocation, yes]))
  world.network.send(...messages, ...messages)
  await Promise.all(all.map((one) => one.once()))
  await world.settle()
  for (const one of scenes) await expectEnd(one, (await statusOf(one.shop)) === 'succeeded' ? 'yes' : 'revoked')
})

/** Both by a reconciler whose wire to Postgres breaks at the given message. */
async function endWithCut(first: End, at: number, how: 'before' | 'after'): Promise<boolean> {
  const one = await scene()
  await settle(one.bundle)
  const messages = [one.yes, one.revocation]
  world.network.send(...(first === 'yes' ? messages : messages.reverse()))
  const dead = await roundWithCut(world, at, how)
  await expect
    .poll(async () => {
      await world.settle()
      const { answers, ends } = await resultsOf(one.shop)
      return answers !== null && ends !== null && !world.network.outcomes(one.shop.id).at(-1)?.status.startsWith('cl')
    }, EVENTUALLY)
    .toBe(true)
  // A message that was not taken comes again, and may then be the second.
  await expectEnd(one, (await statusOf(one.shop)) === 'succeeded' ? 'yes' : 'revoked')
  return dead
}

test.each([
  ['yes', 'before'],
  ['yes', 'after'],
  ['revoked', 'before'],
  ['revoked', 'after'],
] as const)('%s first, killed %s any message to Postgres: one end', EVENTUALLY, async (first, how) => {
  let at = 1
  while (await endWithCut(first, at, how)) at += 3
  expect(at).toBeGreaterThan(15)
})

test('a bundle that comes after the revocation is paid by no mandate', async () => {
  const one = await scene()
  const mandate = {
    ...{ wallet: one.phone.ownerWallet, currency: currency('XOF'), paymentMax: 2_000, dayMax: 5_000, no: 1 },
    untilMs: Math.floor(world.now / 1000) * 1000 + DAY_MS,
  }
  const signed = await signMandate(one.phone, mandate)
  const said = { kind: 'mandate', deviceId: one.phone.id, rev: 2, atMs: world.now, factsRev: 1 } as const
  await settle(await sealed({ ...said, mandate: signed }), one.revocation)
  await settle(one.bundle)
  expect(await statusOf(one.shop)).toBe('failed: device_revoked')
  expect(await db().balance(one.phone.ownerWallet)).toBe(10_000)
})

test('what people had approved waits for its payer, and ends as any claim', async () => {
  const one = await scene(REVIEWED)
  await settle(one.bundle, await world.review(one.made, 1, { 1: 'approve' }, { actors: ['user:anna', 'user:bo'] }))
  expect(await statusOf(one.shop)).toBe('claimed')
  await settle(one.revocation)
  expect(await statusOf(one.shop)).toBe('failed: device_revoked')
  expect(toldPhone(one)).toMatchObject({ claims: [] })
})

test('a row that says so without the edge’s signature keeps no yes from counting', async () => {
  const one = await scene()
  await settle(one.bundle)
  const plant = `
    INSERT INTO offline_resolutions (device_id, rev, counter, bundle_id, choice, actors, content_hash, message, decided_at,
      recorded_at)
    SELECT device_id, 2, 1, bundle_id, 'revoke', '{user:mallory}', sha256(''), '', now(), to_timestamp(0)
    FROM offline_tx_bundles WHERE device_id = $1`
  await db().owner.query(plant, [one.shop.id])
  await settle(one.yes)
  expect(await statusOf(one.shop)).toBe('succeeded')
  await db().owner.query("DELETE FROM offline_resolutions WHERE device_id = $1 AND choice = 'revoke'", [one.shop.id])
})
