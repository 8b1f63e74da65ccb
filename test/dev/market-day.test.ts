import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadMarketDay, type MarketDevice, marketWallets } from '../../dev/market-day.ts'
import { isDeviceId, isParty } from '../../src/protocol/ids.ts'
import { isCountry } from '../../src/protocol/policy.ts'

const csv = readFileSync(new URL('../../dev/data/market-day.csv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
const payments = (devices: readonly MarketDevice[]) => devices.flatMap((device) => device.payments)
const amounts = (type: string) =>
  csv.flatMap((line) => (line.split(',')[1] === type ? [Number(line.split(',')[2])] : [])).sort((a, b) => a - b)

test.each([
  [1, 1],
  [7, 3],
  [10, 20],
  [500, 20],
  [2491, 214],
  [20_000, 700],
])('%i payments on %i devices are exactly so many, each device with an id of its own', (count, devices) => {
  const market = loadMarketDay({ payments: count, devices, seed: 1 })
  expect(market).toHaveLength(devices)
  expect(payments(market)).toHaveLength(count)
  expect(new Set(market.map(({ deviceId }) => deviceId)).size).toBe(devices)
  expect(new Set(market.map(({ ownerWallet }) => ownerWallet)).size).toBe(devices)
})

test('the same seed gives the same market, another seed another one', () => {
  const market = (seed: number) => loadMarketDay({ payments: 500, devices: 20, seed })
  expect(market(1)).toEqual(market(1))
  expect(market(2)).not.toEqual(market(1))
})

test('a device takes what its owner may take: a till merchant payments, a phone transfers, an agent cash', () => {
  for (const { kind, ownerWallet, payments } of loadMarketDay({ payments: 3000, devices: 300, seed: 1 })) {
    for (const { type, sender, receiver } of payments) {
      expect(kind).toBe({ merchant: 'merchant', p2p: 'customer', cashin: 'agent', cashout: 'agent' }[type as string])
      expect(type === 'p2p' || type === 'cashin' ? sender : receiver).toBe(ownerWallet)
      expect(sender).not.toBe(receiver)
    }
  }
})

test('ids, wallets, amounts, countries and times are what the protocol and the market allow', () => {
  const market = loadMarketDay({ payments: 5000, devices: 300, seed: 1 })
  for (const { deviceId, country, payments } of market) {
    expect(isDeviceId(deviceId) && isCountry(country)).toBe(true)
    for (const { atSeconds, amountMinor, sender, receiver } of payments) {
      expect(isParty(sender) && isParty(receiver)).toBe(true)
      expect([sender, receiver].every((wallet) => wallet.startsWith(`W-${country}-`))).toBe(true)
      expect(Number.isSafeInteger(amountMinor) && amountMinor >= 100 && amountMinor % 25 === 0).toBe(true)
      expect(atSeconds >= 7 * 3600 && atSeconds < 19 * 3600).toBe(true)
    }
  }
  const listed = new Set(marketWallets(market).map(({ wallet }) => wallet))
  expect(payments(market).every(({ sender, receiver }) => listed.has(sender) && listed.has(receiver))).toBe(true)
})

test('a device takes its payments in the order of their time, and a further day only when one is used up', () => {
  const market = loadMarketDay({ payments: 4000, devices: 60, seed: 1 })
  expect(Math.max(...payments(market).map(({ day }) => day))).toBeGreaterThan(0)
  for (const { payments } of market) {
    const times = payments.map(({ day, atSeconds }) => day * 86_400 + atSeconds)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  }
})

test('a small market has the mix of types of the data', () => {
  const market = payments(loadMarketDay({ payments: 1000, devices: 20, seed: 1 }))
  const share = (rows: { type: string }[], type: string) => rows.filter((row) => row.type === type).length / rows.length
  const data = csv.map((line) => ({ type: line.split(',')[1] ?? '' }))
  for (const type of ['merchant', 'p2p', 'cashin', 'cashout']) {
    expect(Math.abs(share(market, type) - share(data, type))).toBeLessThan(0.02)
  }
})

test('payments at merchants are everyday sums, and some payments are above each limit of the policies', () => {
  const merchant = amounts('merchant')
  expect(merchant[Math.floor(merchant.length * 0.05)]).toBeGreaterThan(500)
  expect(merchant[Math.floor(merchant.length * 0.95)]).toBeLessThan(25_000)
  const all = ['merchant', 'p2p', 'cashin', 'cashout'].flatMap(amounts)
  for (const limit of [10_000, 50_000, 75_000, 100_000]) expect(all.some((amount) => amount > limit)).toBe(true)
  expect(all.filter((amount) => amount > 100_000).length / all.length).toBeLessThan(0.02)
})
