import { afterAll, beforeAll, expect, test } from 'vitest'
import { shortfalls } from '../../../reconciler/commands/shortfalls.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, type World } from '../kit.ts'
import { call } from './kit.ts'

const db = useDatabase()
let world: World
let [shop, agent, poor, other]: TestDevice[] = []
beforeAll(async () => {
  world = await makeWorld(db())
  ;[shop, agent] = [await world.device(), await world.device('agent')]
  ;[poor, other] = [await world.device('customer', 5000), await world.device('customer')]
  const [payer, till] = [poor.ownerWallet, other.ownerWallet]
  const pay = (device: TestDevice, amount: number, over = {}) =>
    device.payment({ sender: payer, amount: amountMinor(amount), ...over })
  // Two find the wallet empty; the first one is to be given back later by a receiver that has spent it.
  const payments = [
    signedBy(poor, pay(shop, 5000, { type: 'p2p', receiver: till })),
    ...[pay(shop, 700), pay(shop, 800)],
  ]
  const made = await shop.bundle(payments, world.keySet)
  const facts = [shop, agent, poor, other].map((device) => world.facts(device))
  world.network.send(...facts, world.admitMade(made, payments))
  await world.settle()
  // Of payments between an agent and a customer either may be the one that gets nothing.
  const toCustomer = { type: 'agent', sender: agent.ownerWallet, receiver: till } as const
  const cash = signedBy(poor, pay(agent, 300, { type: 'cashout' }))
  world.network.send(world.admit(agent, [cash, pay(agent, 40, toCustomer)]))
  await world.settle()
  const away = agent.payment({ type: 'p2p', sender: till, receiver: agent.ownerWallet, amount: amountMinor(5000) })
  world.network.send(world.admit(agent, [signedBy(other, away)]))
  await world.settle()
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
})
afterAll(() => world.close())

test('money that could not be taken is listed with who bears it', async () => {
  const { code, output } = await call(shortfalls, ['--json'], world)
  expect(code).toBe(0)
  const { totals, payments } = JSON.parse(output)
  expect(totals).toEqual([
    { kind: 'payment', bearer: 'agent', currency: 'XOF', count: 1, minor: 300 },
    { kind: 'payment', bearer: 'customer', currency: 'XOF', count: 1, minor: 40 },
    { kind: 'payment', bearer: 'merchant', currency: 'XOF', count: 2, minor: 1500 },
    { kind: 'reversal', bearer: 'payer', currency: 'XOF', count: 1, minor: 5000 },
  ])
  const named = payments.map((one: Record<string, unknown>) => [one['device_id'], one['counter'], one['bearer']])
  expect(named[0]).toEqual([shop?.id, 1, 'payer'])
  expect(named).toHaveLength(5)
  expect(named).toEqual(
    expect.arrayContaining([
      [shop?.id, 2, 'merchant'],
      [shop?.id, 3, 'merchant'],
      [agent?.id, 1, 'agent'],
      [agent?.id, 2, 'customer'],
    ]),
  )
})

test('people read it, with a bound, and no wallet is in it', async () => {
  const { output } = await call(shortfalls, ['--show', '2'], world)
  expect(output).toContain('2 payments, 1500 XOF borne by: merchant')
  expect(output).toContain(`reversal  ${shop?.id}/1  BJ p2p  5000 XOF  borne by: payer`)
  expect(output).toContain('… and 3 more')
  for (const { ownerWallet: wallet } of [poor, other, shop] as TestDevice[]) expect(output).not.toContain(wallet)
})

test('another country owes nothing', async () => {
  expect((await call(shortfalls, ['--country', 'SN'], world)).output).toBe('no shortfalls')
})

test.each([['--country', 'Senegal'], ['--show', '0'], ['all']])('%s %s: not called correctly', async (...args) => {
  expect((await call(shortfalls, args.filter(Boolean), world)).code).toBe(2)
})
