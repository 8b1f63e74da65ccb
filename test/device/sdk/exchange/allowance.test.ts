import { describe, expect, it } from 'vitest'
import type { OfflineSDK } from '../../../../src/device/sdk/index.ts'
import { parseAuthorization } from '../../../../src/protocol/authorization.ts'
import { ALLOWANCE, Counter } from './counter.ts'

const yes = async () => true
const ask = (phone: OfflineSDK, amount: number, userPresence = yes) => phone.requestAllowance({ amount, userPresence })
/** A phone that has a network. */
async function connected() {
  const counter = await Counter.open()
  counter.phoneRig.edge.weather = undefined
  return counter
}

describe('asking for an allowance', () => {
  it('is signed about the phone’s own wallet; what is left of it is shown, also after a restart', async () => {
    const counter = await connected()
    expect(await counter.phone.spendable()).toBeUndefined()
    await ask(counter.phone, 20_000)
    const { edge } = counter.phoneRig
    expect(edge.orders).toMatchObject([{ order: { choice: 'open', wallet: edge.ownerWallet, no: 1, ceiling: 20_000 } }])
    await counter.phone.syncNow()
    await counter.pay(1500)
    await counter.restartPhone()
    expect(await counter.phone.spendable()).toEqual({ covered: 20_000, used: 1500, expires: edge.allowance?.untilMs })
    counter.phoneRig.timeMs += 8 * 86_400_000
    expect(await counter.phone.spendable()).toBeUndefined()
  })

  it('needs the person’s yes, an amount, and the policy’s leave', async () => {
    const { phone, phoneRig } = await connected()
    await expect(ask(phone, 1000, async () => false)).rejects.toMatchObject({ code: 'not_confirmed' })
    await expect(ask(phone, 50_001)).rejects.toMatchObject({ code: 'allowance_above_policy' })
    for (const amount of [0, -1, 1.5]) await expect(ask(phone, amount)).rejects.toThrow(RangeError)
    expect(phoneRig.edge.orders).toEqual([])
  })

  it.each(['offline', 'lost'] as const)(
    'whose answer did not come (%s) sends the very same order again',
    async (fault) => {
      const counter = await connected()
      counter.phoneRig.edge.faults = [fault]
      await expect(ask(counter.phone, 20_000)).rejects.toMatchObject({ code: 'network_failed' })
      await counter.restartPhone()
      await expect(ask(counter.phone, 30_000)).rejects.toMatchObject({ code: 'state_conflict' })
      await ask(counter.phone, 20_000, async () => {
        throw new Error('asked twice')
      })
      expect(counter.phoneRig.edge.orders).toHaveLength(1)
    },
  )

  it('a second time while one is open is refused, and goes on counting after it', async () => {
    const counter = await connected()
    await ask(counter.phone, 20_000)
    await expect(ask(counter.phone, 20_000)).rejects.toMatchObject({ code: 'state_conflict' })
    await counter.phone.closeAllowance()
    counter.phoneRig.edge.allowance = { no: 1, ceiling: 20_000, state: 'closed' }
    await counter.phone.syncNow()
    await ask(counter.phone, 5000)
    expect(counter.phoneRig.edge.orders.map(({ order: { no, choice } }) => [choice, no])).toEqual([
      ...[
        ['open', 1],
        ['close', 1],
        ['open', 2],
      ],
    ])
  })
})

describe('closing an allowance', () => {
  it('says all that was signed, also what no till has taken', async () => {
    const counter = await Counter.open(ALLOWANCE)
    await counter.pay(1000)
    await counter.phone.authorize(await counter.request(500))
    counter.phoneRig.edge.weather = undefined
    await counter.phone.closeAllowance()
    expect(counter.phoneRig.edge.orders.at(-1)?.order).toMatchObject({ choice: 'close', no: 1, n: 2, spent: 1500 })
    expect(await counter.phone.spendable()).toBeUndefined()
  })

  it('without a network nothing is signed under it any more, and the same order is sent later', async () => {
    const counter = await Counter.open(ALLOWANCE)
    await counter.pay(1000)
    await expect(counter.phone.closeAllowance()).rejects.toMatchObject({ code: 'network_failed' })
    const { authorization = new Uint8Array(), guarantee } = await counter.pay(500)
    expect([guarantee, parseAuthorization(authorization).claims.covered]).toEqual(['signed', undefined])
    await counter.restartPhone()
    counter.phoneRig.edge.weather = undefined
    await counter.phone.closeAllowance()
    await counter.phone.closeAllowance()
    const closed = counter.phoneRig.edge.orders.filter(({ order }) => order.choice === 'close')
    expect(closed).toMatchObject([{ order: { n: 1, spent: 1000 } }])
  })

  it('of a phone that has none is refused', async () => {
    const { phone } = await connected()
    await expect(phone.closeAllowance()).rejects.toMatchObject({ code: 'state_conflict' })
  })
})

it('a phone that has lost its storage does not count from one again: it signs without cover', async () => {
  const counter = await Counter.open(ALLOWANCE)
  await counter.pay(1000)
  counter.phoneRig.storage.items.clear()
  counter.phoneRig.edge.weather = undefined
  await counter.restartPhone()
  await counter.phone.syncNow()
  expect(counter.phone.pass?.allowance?.no).toBe(1)
  expect(await counter.phone.spendable()).toBeUndefined()
  expect((await counter.pay(500)).guarantee).toBe('signed')
})
