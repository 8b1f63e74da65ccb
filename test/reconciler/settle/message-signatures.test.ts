import { afterAll, beforeAll, expect, test } from 'vitest'
import { release } from '../../../reconciler/commands/release.ts'
import { parseConfig } from '../../../reconciler/config.ts'
import type { Log } from '../../../reconciler/log.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { localKeys, newWrappedKey, type WrappedKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import { signAsEdge } from '../../../src/crypto/sign1.ts'
import type { SettleMessage } from '../../../src/protocol/messages.ts'
import { parseSettleMessage, settleContent } from '../../../src/protocol/settle-codec.ts'
import type { TestDevice } from '../../kit/device.ts'
import { call } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { keepingLog } from '../faults/kit.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

/** What only the edge says, who a device is and what people decided, is obeyed under the edge's own signature alone. */
const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

/** Somebody who can write to the queue, with a receipt key that is not the edge's. */
async function stranger() {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  const keys = [await newWrappedKey('seal', secret), await newWrappedKey('receipt', secret)]
  return localKeys(JSON.stringify({ version: 1, keys }), secret)
}
const edgeKeys = () => localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')

const FORGERIES: Record<string, readonly [fault: string, forge: (genuine: Uint8Array) => Promise<Uint8Array>]> = {
  'no signature': ['not_signed', async (genuine) => settleContent(genuine)],
  'a stranger’s signature': [
    'message_signature_invalid',
    async (genuine) => sealSettleMessage(parseSettleMessage(settleContent(genuine)), stranger),
  ],
  'an altered signature': ['message_signature_invalid', async (genuine) => genuine.with(-1, (genuine.at(-1) ?? 0) ^ 1)],
  'the edge’s signature over something else': [
    'message_signature_invalid',
    async (genuine) => {
      const { kid, signer } = await (await edgeKeys()).receiptSigner()
      return signAsEdge(signer, kid, settleContent(genuine), 'molam-notice-v1')
    },
  ],
}

const parked = async (fault: string) => {
  const { rows } = await db().app.query(
    "SELECT id FROM offline_sync_queue WHERE status = 'parked' AND starts_with(last_error, $1) ORDER BY id",
    [fault],
  )
  return rows.map(({ id }) => id as number)
}
const confirmed = ({ id }: TestDevice) => world.network.confirmed.filter(({ deviceId }) => deviceId === id)

/** A reconciler that takes what is there, and what it complained about. */
async function settledWith(log: Log & { complaints: string[] } = keepingLog()) {
  const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log }
  const reconciler = await openReconciler(parseConfig(world.env), around)
  try {
    await world.settle(reconciler)
  } finally {
    await reconciler.close()
  }
  return log.complaints
}

test.each(Object.entries(FORGERIES))(
  'a registration with %s is parked and reported: its device’s bundles are never posted',
  async (_, [fault, forge]) => {
    const [device, payer] = [await world.device(), newWallet()]
    await db().open(payer, 10_000)
    const genuine = await world.facts(device)
    const before = await parked(fault)
    world.network.send(await forge(genuine), await world.admit(device, [device.payment({ sender: payer })]))
    const complaints = await settledWith()
    expect(complaints).toContainEqual(expect.stringContaining(`"fault":"${fault}: device","count":1`))
    expect(await parked(fault)).toHaveLength(before.length + 1)
    expect(await db().balance(payer)).toBe(10_000)
    expect(confirmed(device).map(({ kind }) => kind)).not.toContain('device_recorded')
    expect((await db().app.query('SELECT FROM offline_devices WHERE device_id = $1', [device.id])).rows).toEqual([])

    // The edge has not been told that its own is here, and what it sends is no repetition of the forgery.
    world.network.send(genuine)
    await world.settle()
    expect(await db().balance(payer)).toBe(7500)
    expect(confirmed(device)).toContainEqual({ kind: 'device_recorded', deviceId: device.id, rev: 1, wallet: 'known' })
  },
)

test('a forged bundle under the id of a genuine one is parked and not confirmed; the genuine one is posted', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  const signature = made.bundle.with(-1, (made.bundle.at(-1) ?? 0) ^ 1)
  world.network.send(world.facts(device), await world.admitMade({ ...made, bundle: signature }, payments))
  await settledWith()
  expect(confirmed(device).map(({ kind }) => kind)).toEqual(['device_recorded'])
  world.network.send(await world.admitMade(made, payments))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  expect(confirmed(device).at(-1)).toMatchObject({ kind: 'bundle_settled', seq: 1 })
})

const held = { counter: 1, decision: 'review', reason: 'amount_review' } as const

test.each(Object.entries(FORGERIES))(
  'an approval with %s is parked and never obeyed nor confirmed; the edge’s own is',
  async (_, [fault, forge]) => {
    const [device, payer] = [await world.device(), newWallet()]
    await db().open(payer, 10_000)
    const payments = [device.payment({ sender: payer })]
    const made = await device.bundle(payments, world.keySet)
    const genuine = await world.review(made, 1, { 1: 'approve' })
    world.network.send(world.facts(device), await world.admitMade(made, payments, { exceptions: [held] }))
    world.network.send(await forge(genuine))
    const complaints = await settledWith()
    expect(complaints).toContainEqual(expect.stringContaining(`${fault}: review`))
    expect(await db().balance(payer)).toBe(10_000)
    expect(confirmed(device).map(({ kind }) => kind)).not.toContain('resolution_recorded')
    world.network.send(genuine)
    await world.settle()
    expect(await db().balance(payer)).toBe(7500)
  },
)

test.each(Object.entries(FORGERIES))('a reversal with %s is parked and moves no money', async (_, [fault, forge]) => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  world.network.send(world.facts(device), await world.admitMade(made, payments))
  await world.settle()
  const genuine = await world.reversal(made, 1, 1)
  world.network.send(await forge(genuine))
  expect(await settledWith()).toContainEqual(expect.stringContaining(`${fault}: reversal`))
  expect(await db().balance(payer)).toBe(7500)
  world.network.send(genuine)
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
})

test('the same forgery again and again is one parked message', async () => {
  const device = await world.device()
  const before = await parked('message_signature_invalid')
  for (let i = 0; i < 3; i++) {
    const facts = parseSettleMessage(settleContent(await world.facts(device, { atMs: world.now + i })))
    world.network.send(await sealSettleMessage(facts, stranger))
  }
  await world.settle()
  expect(await parked('message_signature_invalid')).toHaveLength(before.length + 1)
})

test('a forgery that a person releases is parked again', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const forged = settleContent(await world.facts(device))
  world.network.send(forged, await world.admit(device, [device.payment({ sender: payer })]))
  await world.settle()
  const [id] = (await parked('not_signed')).slice(-1)
  const { output } = await call(release, ['--id', String(id), '--by', 'awa'], world)
  expect(output).toContain('1 released')
  await world.settle()
  expect(await parked('not_signed')).toContain(id)
  expect(await db().balance(payer)).toBe(10_000)
})

/** The reconciler with these states of the edge's receipt keys; the second key signs. */
async function afterRotation(states: readonly ('active' | 'retiring' | 'retired')[]) {
  const secret = world.env['KEY_WRAPPING_SECRET'] ?? ''
  const { keys } = JSON.parse(world.env['EDGE_KEYS'] ?? '') as WrappedKeys
  const added = await newWrappedKey('receipt', secret)
  const seal = keys.filter(({ use }) => use === 'seal')
  const receipt = [...keys.filter(({ use }) => use === 'receipt'), added]
  const listed = receipt.flatMap((key, i) => {
    const state = states[i]
    return state === undefined ? [] : [{ ...key, state }]
  })
  const signing = { version: 2, keys: [...seal, { ...added, state: 'active' }] }
  return {
    env: { ...world.env, EDGE_KEYS: JSON.stringify({ version: 2, keys: [...seal, ...listed] }) },
    newKey: await localKeys(JSON.stringify(signing), secret),
  }
}
async function settleWith(env: Record<string, string>) {
  const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log: keepingLog() }
  const reconciler = await openReconciler(parseConfig(env), around)
  await world.settle(reconciler).finally(() => reconciler.close())
}

test.each(['retiring', 'retired'] as const)('what a key signed that is %s by now is obeyed', async (state) => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const { env } = await afterRotation([state, 'active'])
  world.network.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  await settleWith(env)
  expect(await db().balance(payer)).toBe(7500)
})

test('a key that the reconciler does not know yet: parked, and once it is known released or sent again, with one effect', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const { env, newKey } = await afterRotation(['retiring', 'active'])
  const facts = parseSettleMessage(settleContent(await world.facts(device))) as SettleMessage
  const early = await sealSettleMessage(facts, async () => newKey)
  world.network.send(early, await world.admit(device, [device.payment({ sender: payer })]))
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
  const [id] = (await parked('message_signature_invalid')).slice(-1)
  await call(release, ['--id', String(id), '--by', 'awa'], world)
  world.network.send(await sealSettleMessage(facts, async () => newKey))
  await settleWith(env)
  expect(await db().balance(payer)).toBe(7500)
  expect(await parked('message_signature_invalid')).not.toContain(id)
})
