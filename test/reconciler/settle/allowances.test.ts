import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import type { AllowanceOrder } from '../../../src/protocol/allowances.ts'
import type { AllowanceStands } from '../../../src/protocol/confirmations.ts'
import { firstPolicy } from '../../../src/protocol/first-policies.ts'
import { parseUlid } from '../../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { DAY_MS, HOUR_MS } from '../../../src/protocol/time.ts'
import { signAllowanceOrder } from '../../kit/allowance.ts'
import { authorized } from '../../kit/authorization.ts'
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

/** What the phone signs under its allowance, taken by a till of its own, in a bundle of its own. */
async function pay(
  shop: TestDevice,
  amount: number,
  covered: { n: number; spent: number },
  { no = 1, ceiling = 4000, ...over }: { no?: number; ceiling?: number; wait?: boolean } = {},
) {
  const initiatedAtMs = Math.floor(world.now / 1000) * 1000
  const payment = shop.payment({ sender: phone.ownerWallet, amount: amountMinor(amount), initiatedAtMs })
  const signed = await authorized(phone, payment, shop.id, {
    header: { covered: { n: covered.n, spent: amountMinor(covered.spent) } },
    pass: { allowance: { no, ceiling: amountMinor(ceiling) } },
  })
  const exceptions = over.wait
    ? [{ counter: payment.counter, decision: 'review' as const, reason: 'amount_review' }]
    : []
  world.network.send(await world.admit(shop, [signed], exceptions))
  return signed
}
async function till(): Promise<TestDevice> {
  const shop = await world.device()
  shop.signsForPayers = false
  world.network.send(world.facts(shop))
  return shop
}
const statuses = async (shop: TestDevice) => {
  const { rows } = await db().app.query(
    'SELECT status, reason FROM offline_transactions WHERE device_id = $1 ORDER BY counter',
    [shop.id],
  )
  return rows.map(({ status, reason }) => (reason ? `${status}: ${reason}` : status))
}
const allowance = async () => {
  const { rows } = await db().app.query(
    'SELECT consumed_minor, returned_minor, held_minor, state FROM wallet_core.allowances WHERE device_id = $1 ORDER BY no DESC LIMIT 1',
    [phone.id],
  )
  return Object.values(rows[0])
}
const evidence = async () => {
  const { rows } = await db().app.query(
    'SELECT kind FROM offline_allowance_evidence WHERE payer_device_id = $1 ORDER BY kind',
    [phone.id],
  )
  return rows.map(({ kind }) => kind)
}
const convicted = () =>
  world.network.confirmed.findLast(
    (one): one is AllowanceStands => one.kind === 'allowance_stands' && one.deviceId === phone.id,
  )?.convictedNo

describe('payments under an allowance', () => {
  test('have what is held, though the wallet has spent everything else', async () => {
    const [shop, other] = [await till(), await till()]
    await bring(order({ open: 4000 }))
    await db().owner.query("SELECT wallet_core.fund('x', '{1}', ARRAY[$1], '{1}', 'XOF', now())", [phone.ownerWallet])
    const rest = await authorized(
      phone,
      shop.payment({
        sender: phone.ownerWallet,
        amount: amountMinor(6001),
        initiatedAtMs: Math.floor(world.now / 1000) * 1000,
      }),
      shop.id,
    )
    await bring(world.admit(shop, [rest]))
    expect(await funds()).toEqual([4000, 4000])
    await pay(shop, 1500, { n: 1, spent: 1500 })
    await pay(other, 2500, { n: 2, spent: 4000 })
    await world.settle()
    expect([await statuses(other), await funds(), await allowance()]).toEqual([
      ['succeeded'],
      [0, 0],
      [4000, 0, 0, 'open'],
    ])
    expect(await evidence()).toEqual([])
  })

  test('close it when the last of them has come, and what is left goes back', async () => {
    const shop = await till()
    await bring(order({ open: 4000 }))
    await pay(shop, 1000, { n: 1, spent: 1000 })
    await bring(order({ close: [2, 1500] }))
    expect([await allowance(), told()?.state]).toEqual([[1000, 0, 3000, 'closing'], 'closing'])
    await pay(shop, 500, { n: 2, spent: 1500 })
    await world.settle()
    expect([await funds(), await allowance(), told()?.state]).toEqual([[8500, 0], [1500, 2500, 0, 'closed'], 'closed'])
  })

  test('that wait for people have what was held, and leave it to the wallet when they are rejected', async () => {
    const shop = await till()
    await bring(order({ open: 4000 }))
    const { counter } = await pay(shop, 3000, { n: 1, spent: 3000 }, { wait: true })
    await world.settle()
    expect([await statuses(shop), await funds(), await allowance()]).toEqual([
      ['review: amount_review'],
      [10_000, 4000],
      [3000, 0, 1000, 'open'],
    ])
    const { rows } = await db().app.query('SELECT bundle_id FROM offline_tx_bundles WHERE device_id = $1', [shop.id])
    const header = { deviceId: shop.id, bundleId: parseUlid(rows[0].bundle_id) as Uint8Array, seq: 1 }
    await bring(world.review({ header } as never, 1, { [counter]: 'reject' }))
    expect([await funds(), await allowance()]).toEqual([
      [10_000, 1000],
      [3000, 0, 1000, 'open'],
    ])
  })

  test('of a phone that signs twice: tills are paid as they come, what is missing is shown, and the phone is convicted', async () => {
    const [first, second, third] = [await till(), await till(), await till()]
    await bring(order({ open: 4000 }))
    const rest = await authorized(
      phone,
      first.payment({
        sender: phone.ownerWallet,
        amount: amountMinor(5000),
        initiatedAtMs: Math.floor(world.now / 1000) * 1000,
      }),
      first.id,
    )
    await bring(world.admit(first, [rest]))
    await pay(first, 4000, { n: 1, spent: 4000 })
    await world.settle()
    // It was set back to before, and does so at two more tills.
    await pay(second, 900, { n: 1, spent: 900 })
    await world.settle()
    await pay(third, 4000, { n: 1, spent: 4000 })
    await world.settle()
    expect([await statuses(second), await statuses(third)]).toEqual([['succeeded'], ['failed: allowance_shortfall']])
    expect([await funds(), await allowance(), [...new Set(await evidence())], convicted()]).toEqual([
      [100, 0],
      [4000, 0, 0, 'open'],
      ['number'],
      1,
    ])
    const { rows } = await db().app.query('SELECT missing_minor FROM offline_allowance_payments WHERE device_id = $1', [
      third.id,
    ])
    expect(rows).toEqual([{ missing_minor: 3900 }])
    const { rows: short } = await db().app.query('SELECT kind, borne_by FROM offline_shortfalls WHERE device_id = $1', [
      third.id,
    ])
    expect(short).toEqual([{ kind: 'payment', borne_by: third.ownerWallet }])
    const { rows: audit } = await db().app.query(
      "SELECT FROM offline_audit_logs WHERE device_id = $1 AND action = 'allowance_misused'",
      [phone.id],
    )
    expect(audit.length).toBeGreaterThan(0)
  })

  test.each([
    [
      'a sum that leaves something out',
      [
        [1, 1000, 1000],
        [2, 1000, 1500],
      ],
      'sum',
    ],
    ['a first sum that is not the amount', [[1, 1000, 1200]], 'sum'],
    [
      'sums that go back',
      [
        [1, 1000, 1000],
        [3, 500, 1200],
      ],
      'sum',
    ],
  ] as const)('with %s convict their phone, in whatever order they come', async (_, payments, kind) => {
    const shop = await till()
    await bring(order({ open: 4000 }))
    for (const [n, amount, spent] of payments.toReversed()) await pay(shop, amount, { n, spent })
    await world.settle()
    expect([await evidence(), convicted()]).toEqual([[kind], 1])
  })

  test('beyond what it says it has signed: its money came back too early, and it is convicted', async () => {
    const shop = await till()
    await bring(order({ open: 4000 }))
    await bring(order({ close: [0, 0] }))
    await pay(shop, 1000, { n: 1, spent: 1000 })
    await world.settle()
    expect([await statuses(shop), await evidence(), convicted(), await allowance()]).toEqual([
      ...[['succeeded'], ['statement'], 1],
      [0, 4000, 0, 'closed'],
    ])
  })

  test('of a phone that is convicted do not close it: nothing goes back before its time', async () => {
    const shop = await till()
    await bring(order({ open: 4000 }))
    await pay(shop, 1000, { n: 1, spent: 1000 })
    await pay(shop, 1000, { n: 1, spent: 1000 })
    await bring(order({ close: [1, 1000] }))
    expect([await allowance(), told()?.state]).toEqual([[2000, 0, 2000, 'closing'], 'closing'])
  })

  test('an honest phone is never convicted, in whatever order its payments come, with holes that are filled later or never', async () => {
    const shops = [await till(), await till(), await till()]
    await bring(order({ open: 4000 }))
    const spent = [300, 500, 1000, 1001, 2500]
    for (const at of [4, 1, 0, 3]) {
      await pay(shops[at % 3] as TestDevice, (spent[at] ?? 0) - (spent[at - 1] ?? 0), {
        n: at + 1,
        spent: spent[at] ?? 0,
      })
    }
    await bring(order({ close: [5, 2500] }))
    expect([await evidence(), told()?.state, await allowance()]).toEqual([[], 'closing', [2000, 0, 2000, 'closing']])
    await pay(shops[2] as TestDevice, 500, { n: 3, spent: 1000 })
    await world.settle()
    expect([await evidence(), told()?.state, await funds()]).toEqual([[], 'closed', [7500, 0]])
  })

  test('rows that say otherwise are found', async () => {
    const shop = await till()
    await bring(order({ open: 4000 }))
    await pay(shop, 1000, { n: 1, spent: 1000 })
    await world.settle()
    const set = (columns: string) =>
      tamper(db().ownerUrl, `UPDATE offline_allowance_payments SET ${columns} WHERE device_id = '${shop.id}'`)
    for (const [damage, mended, checks] of [
      ['covered_minor = 900', 'covered_minor = 1000', ['allowances']],
      [
        "payer_device_id = 'NOBODY'",
        `payer_device_id = '${phone.id}'`,
        ['allowances', 'bundle_evidence', 'covered_payments'],
      ],
      ['n = 2', 'n = 1', ['bundle_evidence']],
      ['spent_minor = 1001', 'spent_minor = 1000', ['allowance_evidence', 'bundle_evidence']],
      [
        'missing_minor = 5, covered_minor = 0',
        'missing_minor = 0, covered_minor = 1000',
        ['allowances', 'covered_payments'],
      ],
    ] as const) {
      await set(damage)
      const wrong = await found()
      await set(mended)
      expect(wrong.sort(), damage).toEqual(checks)
    }
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
