import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import type { AllowanceOrder } from '../../../src/protocol/allowances.ts'
import type { AllowanceStands } from '../../../src/protocol/confirmations.ts'
import { firstPolicy } from '../../../src/protocol/first-policies.ts'
import { currency } from '../../../src/protocol/money.ts'
import { DAY_MS, HOUR_MS } from '../../../src/protocol/time.ts'
import { signAllowanceOrder } from '../../kit/allowance.ts'
import { TestDevice } from '../../kit/device.ts'
import { tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { evidenceOf, makeWorld, type World } from '../kit.ts'

/** Money that is held for a phone, by its holder's signed order, and goes back. */
const db = useDatabase()
let world: World
let phone: TestDevice

beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
beforeEach(async () => {
  phone = await world.device('customer', 10_000)
  world.network.send(world.facts(phone))
  await world.settle()
})
const findings = async () => {
  const evidence = await evidenceOf(world)
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 3, onProgress: () => undefined })
  return findings.filter(({ found }) => found > 0)
}
const found = async () => (await findings()).map(({ check }) => check)
afterEach(async () => expect(await findings()).toEqual([]))

const revs = new Map<string, number>()
/** The message that brings an order. */
async function order(
  said: { open: number; no?: number; currency?: string } | { close: readonly [n: number, spent: number]; no?: number },
  by = phone,
  over: { wallet?: string; rev?: number; factsRev?: number } = {},
): Promise<Uint8Array> {
  const rev = over.rev ?? (revs.get(by.id) ?? 0) + 1
  revs.set(by.id, Math.max(rev, revs.get(by.id) ?? 0))
  const about = { wallet: over.wallet ?? by.ownerWallet, no: said.no ?? 1 }
  const signed: AllowanceOrder =
    'open' in said
      ? { choice: 'open', ...about, currency: currency(said.currency ?? 'XOF'), ceiling: said.open }
      : { choice: 'close', ...about, n: said.close[0], spent: said.close[1] }
  return sealed(by, rev, await signAllowanceOrder(by, signed), over.factsRev)
}
async function sealed(by: TestDevice, rev: number, signed: Uint8Array, factsRev = 1): Promise<Uint8Array> {
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const message = { kind: 'allowance_order', deviceId: by.id, rev, atMs: world.now, order: signed, factsRev } as const
  return sealSettleMessage(message, async () => keys)
}
const bring = async (...messages: readonly (Uint8Array | Promise<Uint8Array>)[]) => {
  for (const message of messages) world.network.send(message)
  await world.settle()
}

/** Balance, and of it what is held. */
async function funds(wallet = phone.ownerWallet) {
  const { rows } = await db().app.query(
    'SELECT balance_minor, held_minor FROM wallet_core.balances WHERE wallet_id = $1',
    [wallet],
  )
  return [rows[0].balance_minor, rows[0].held_minor]
}
const told = (device = phone) =>
  world.network.confirmed.findLast(
    (one): one is AllowanceStands => one.kind === 'allowance_stands' && one.deviceId === device.id,
  )?.allowance
const parked = async () => {
  const { rows } = await db().app.query(
    "SELECT last_error FROM offline_sync_queue WHERE status = 'parked' AND device_id = $1 AND kind = 'allowance_order'",
    [phone.id],
  )
  return rows.map(({ last_error }) => last_error)
}

describe('an order to open', () => {
  test('has the ceiling held, for seven days, and its device is told so', async () => {
    const openedAtMs = world.now
    await bring(order({ open: 4000 }))
    expect(await funds()).toEqual([10_000, 4000])
    expect(told()).toEqual({ no: 1, ceiling: 4000, state: 'open', untilMs: openedAtMs + 7 * DAY_MS })
    expect(world.network.confirmed).toContainEqual({ kind: 'answer_recorded', deviceId: phone.id, rev: 1 })
    const { rows } = await db().app.query(
      "SELECT action FROM offline_audit_logs WHERE device_id = $1 AND action LIKE 'allowance%' ORDER BY seq",
      [phone.id],
    )
    expect(rows.map(({ action }) => action)).toEqual(['allowance_ordered', 'allowance_changed'])
  })

  test('twice is the same as once', async () => {
    const again = await order({ open: 4000 })
    await bring(again, again)
    await bring(again)
    expect(await funds()).toEqual([10_000, 4000])
  })

  test('above what is there it holds nothing, and says why', async () => {
    await bring(order({ open: 10_001 }))
    expect([await funds(), told()]).toEqual([
      [10_000, 0],
      { no: 1, ceiling: 10_001, state: 'refused', reason: 'insufficient_funds' },
    ])
    await bring(order({ open: 10_000, no: 2 }))
    expect([await funds(), told()?.state]).toEqual([[10_000, 10_000], 'open'])
  })

  test('above the policy of the device’s country it holds nothing: by the newest that the book has', async () => {
    const most = { ...firstPolicy('ML'), version: 2, allowanceMax: 3000 }
    const malian = await world.device('customer', 60_000)
    const open = (amount: number, no: number) => order({ open: amount, no }, malian)
    await bring(world.facts(malian, { country: 'ML' }), open(50_001, 1))
    expect(told(malian)).toMatchObject({ state: 'refused', reason: 'above_policy' })
    await db().owner.query(
      "INSERT INTO offline_policies (country, version, time_zone, allowance_max, signed) VALUES ('ML', 2, 'Africa/Bamako', 3000, $1)",
      [Buffer.from(await world.policy(most))],
    )
    await bring(open(3001, 2))
    expect(told(malian)).toMatchObject({ no: 2, state: 'refused', reason: 'above_policy' })
    await bring(open(3000, 3))
    expect(told(malian)).toMatchObject({ no: 3, state: 'open' })
  })

  test('a second one of the wallet is refused, of this device or of another', async () => {
    const other = await TestDevice.create(phone.ownerWallet)
    await bring(world.facts(other), order({ open: 1000 }), order({ open: 1000, no: 2 }))
    await bring(order({ open: 1000 }, other))
    expect(told(other)).toEqual({ no: 1, ceiling: 1000, state: 'refused', reason: 'already_open' })
    expect(await funds()).toEqual([10_000, 1000])
  })

  test.each([
    ['a frozen wallet', 'wallet_frozen', { open: 1000 }],
    ['another currency', 'currency_mismatch', { open: 1000, currency: 'GNF' }],
  ] as const)('of %s is refused', async (_, reason, said) => {
    const frozen = reason === 'wallet_frozen'
    const freeze = (on: boolean) =>
      db().owner.query('SELECT wallet_core.set_frozen($1, $2, $3, $4)', [phone.ownerWallet, on, 'test', 'a test'])
    if (frozen) await freeze(true)
    await bring(order(said))
    expect([told()?.reason, await funds()]).toEqual([reason, [10_000, 0]])
    if (frozen) await freeze(false)
  })

  test('of a device without consent, or that is suspended, is nobody’s word', async () => {
    const mute = await TestDevice.create(phone.ownerWallet)
    mute.hasConsent = false
    await bring(world.facts(mute), order({ open: 1000 }, mute))
    expect(told(mute)).toMatchObject({ state: 'refused', reason: 'not_authorised' })
    await bring(world.facts(phone, { rev: 2, status: 'suspended' }), order({ open: 1000 }, phone, { factsRev: 2 }))
    expect(told()).toMatchObject({ state: 'refused', reason: 'not_authorised' })
    expect(await funds()).toEqual([10_000, 0])
  })

  test('about another wallet, or signed by another key, is parked', async () => {
    const victim = await world.device('customer', 5000)
    await bring(order({ open: 1000 }, phone, { wallet: victim.ownerWallet }))
    const other = await TestDevice.create()
    const forged = await signAllowanceOrder({ ...other, id: phone.id, kid: phone.kid } as TestDevice, {
      ...{ choice: 'open', wallet: phone.ownerWallet, no: 1, currency: currency('XOF'), ceiling: 1000 },
    })
    await bring(sealed(phone, 9, forged))
    expect((await parked()).sort()).toEqual(['invalid_signature', 'wrong_wallet'])
    expect([await funds(), await funds(victim.ownerWallet)]).toEqual([
      [10_000, 0],
      [5000, 0],
    ])
  })

  test('a row that somebody else wrote holds nothing, and is an alarm', async () => {
    await db().app.query(
      `INSERT INTO offline_allowance_orders (payer_device_id, rev, choice, no, kid, wallet, currency, ceiling_minor, given_at, signed, recorded_at, is_his)
       SELECT device_id, 77, 'open', 1, kid, owner_wallet, 'XOF', 9000, now(), 'x', now(), true FROM offline_devices WHERE device_id = $1`,
      [phone.id],
    )
    await world.settle()
    expect([await funds(), told()?.reason]).toEqual([[10_000, 0], 'not_signed'])
    // Whoever wrote it told nobody that it is there.
    expect(await found()).toEqual(['bundles_owed'])
    await tamper(db().ownerUrl, `DELETE FROM offline_allowance_orders WHERE payer_device_id = '${phone.id}'`)
  })
})

describe('an order to close', () => {
  test('of a phone that has signed nothing gives all of it back at once', async () => {
    await bring(order({ open: 4000 }))
    await bring(order({ close: [0, 0] }))
    expect([await funds(), told()?.state]).toEqual([[10_000, 0], 'closed'])
    await bring(order({ open: 2000, no: 2 }))
    expect([await funds(), told()?.state]).toEqual([[10_000, 2000], 'open'])
  })

  test('that comes first waits for the one to open', async () => {
    const [open, close] = [await order({ open: 4000 }), await order({ close: [0, 0] })]
    await bring(close)
    expect([await funds(), told()]).toEqual([[10_000, 0], undefined])
    await bring(open)
    expect([await funds(), told()?.state]).toEqual([[10_000, 0], 'closed'])
  })

  test('of one that was refused comes to nothing', async () => {
    await bring(order({ open: 20_000 }), order({ close: [0, 0] }))
    expect([await funds(), told()?.reason]).toEqual([[10_000, 0], 'insufficient_funds'])
  })

  test('waits for what the phone says that it has signed, and else for the end of its time', async () => {
    const openedAtMs = world.now
    await bring(order({ open: 4000 }))
    await bring(order({ close: [2, 1500] }))
    expect([await funds(), told()?.state]).toEqual([[10_000, 4000], 'closing'])
    // Seven days, the oldest bundle with its carrier, half an hour of clocks, and a day for queues.
    const endsAtMs = openedAtMs + 8 * DAY_MS + 96 * HOUR_MS + 30 * 60_000
    world.now = endsAtMs - 1
    await (await world.reconciler()).once()
    expect(await funds()).toEqual([10_000, 4000])
    world.now = endsAtMs
    await world.settle()
    expect([await funds(), told()?.state]).toEqual([[10_000, 0], 'expired'])
  })
})

test('one that nobody closes goes back by its time, once, whoever looks', async () => {
  await bring(order({ open: 4000 }))
  world.now += 13 * DAY_MS
  const both = await Promise.all([world.reconciler(), world.reconciler()])
  await Promise.all(both.map((one) => one.once()))
  expect([await funds(), told()?.state]).toEqual([[10_000, 0], 'expired'])
})

test('while settlement is halted nothing is held and nothing goes back, and afterwards all of it', async () => {
  await db().app.query("SELECT halt_settlement('a test')")
  await bring(order({ open: 4000 }))
  expect([await funds(), told()]).toEqual([[10_000, 0], undefined])
  await tamper(db().ownerUrl, 'UPDATE settlement_halts SET ended_at = now() WHERE ended_at IS NULL')
  await world.settle()
  expect([await funds(), told()?.state]).toEqual([[10_000, 4000], 'open'])
})

test('two reconcilers at once carry an order out once', async () => {
  const both = await Promise.all([world.reconciler(), world.reconciler()])
  world.network.send(order({ open: 4000 }))
  await Promise.all(both.map((one) => one.once()))
  await Promise.all(both.map((one) => one.once()))
  expect([await funds(), told()?.state]).toEqual([[10_000, 4000], 'open'])
  const { rows } = await db().app.query(
    "SELECT FROM offline_audit_logs WHERE device_id = $1 AND action = 'allowance_changed'",
    [phone.id],
  )
  expect(rows).toHaveLength(1)
})

describe('what is changed by hand is found', () => {
  const damages: readonly [string, string, string, readonly string[]][] = [
    [
      'more is held than was ordered',
      'ceiling_minor = 4500',
      'ceiling_minor = 4000',
      ['allowances', 'allowance_orders', 'held_money'],
    ],
    ['something is consumed by no payment', 'consumed_minor = 500', 'consumed_minor = 0', ['allowances', 'held_money']],
    ['something went back before its end', 'returned_minor = 500', 'returned_minor = 0', ['allowances', 'held_money']],
    [
      'it is closed with a statement that nobody made',
      "state = 'closed', returned_minor = 4000, stated_n = 0, stated_spent = 0, ended_at = now()",
      "state = 'open', returned_minor = 0, stated_n = NULL, stated_spent = NULL, ended_at = NULL",
      ['allowances', 'held_money'],
    ],
    [
      'it ends before its time',
      "state = 'expired', returned_minor = 4000, ended_at = from_at",
      "state = 'open', returned_minor = 0, ended_at = NULL",
      ['allowances', 'held_money'],
    ],
  ]
  test.each(damages)('%s', async (_, damage, mended, checks) => {
    await bring(order({ open: 4000 }))
    const set = (columns: string) =>
      tamper(db().ownerUrl, `UPDATE wallet_core.allowances SET ${columns} WHERE device_id = '${phone.id}'`)
    await set(damage)
    const wrong = await found()
    await set(mended)
    expect(wrong.sort()).toEqual([...checks].sort())
  })

  test('an order that was changed', async () => {
    await bring(order({ open: 4000 }))
    const set = (columns: string) =>
      tamper(db().ownerUrl, `UPDATE offline_allowance_orders SET ${columns} WHERE payer_device_id = '${phone.id}'`)
    await set('ceiling_minor = 3999')
    const wrong = await found()
    await set('ceiling_minor = 4000')
    expect(wrong.sort()).toEqual(['allowance_orders', 'allowances', 'holders_words'])
  })
})
