import { expect, it } from 'vitest'
import { deviceId } from '../../src/protocol/ids.ts'
import { BULK_PAYMENTS_MAX } from '../../src/risk/limits.ts'
import type { BulkItem } from '../../src/risk/sira-request.ts'
import { BUNDLE_ID, bundle, DEVICE, NOW_MS, payment, payments, siraKit } from './kit.ts'

/** Against the stand-in over real sockets. It refuses whatever is not in the contract, so these also say what is sent. */
it('scores a bundle, and those of its payments that stand out', async () => {
  await using kit = await siraKit()
  const facts = bundle({ payments: [payment({ counter: 1 }), payment({ counter: 2, amount: 20_666 })] })
  const result = await kit.client.scoreBundle(facts, 'req-42')
  expect(result).toEqual({
    ok: true,
    value: {
      scoredBy: 'sira',
      score: 0.02,
      payments: [[2, 0.9]],
      reasons: [{ rule: 'unusual_amount' }],
      version: 'sira-dev-1',
    },
  })
  expect(kit.observed).toEqual([{ operation: 'bundle', latencyMs: 0, outcome: 'ok' }])
})

it('scores a single payment, a device, and takes an escalation', async () => {
  await using kit = await siraKit()
  const transaction = { deviceId: DEVICE, country: 'SN', payment: payment({ amount: 1_777 }) } as const
  expect(await kit.client.scoreTransaction(transaction, 'r')).toMatchObject({ ok: true, value: { score: 0.25 } })
  expect(await kit.client.deviceReputation('POS-RISKY', 'r')).toMatchObject({ ok: true, value: { reputation: 0 } })
  const escalation = {
    id: 'POS-001/3',
    kind: 'chain_fork',
    deviceId: DEVICE,
    country: 'SN',
    seq: 7,
    atMs: NOW_MS,
    digests: ['ab'.repeat(32), 'cd'.repeat(32)],
  } as const
  expect(await kit.client.escalate(escalation, 'r')).toEqual({ ok: true, value: 'CASE-POS-001-3' })
})

it('every call carries the API key and the request id', async () => {
  await using kit = await siraKit()
  await kit.client.scoreBundle(bundle(), 'req-42')
  expect(kit.server.requests[0]?.headers).toMatchObject({ 'x-api-key': kit.server.apiKey, 'x-request-id': 'req-42' })
})

it('a wrong API key is a rejection, not a score', async () => {
  await using kit = await siraKit({ apiKey: 'wrong' })
  expect(await kit.client.scoreBundle(bundle(), 'r')).toEqual({ ok: false, error: { reason: 'rejected', status: 401 } })
})

it('no wallet, merchant, phone number, meta, approval or authorization leaves in clear', async () => {
  await using kit = await siraKit()
  const secret = payment({
    sender: '+221771234567',
    receiver: 'W-SECRET-SHOP',
    merchantId: 'M-SECRET',
    approval: new TextEncoder().encode('APPROVED-BY-AWA'),
    authorization: new TextEncoder().encode('SIGNED-BY-AWA'),
    meta: { note: 'for AWA' },
  })
  await kit.client.scoreBundle(bundle({ payments: [secret] }), 'r')
  await kit.client.scoreTransaction({ deviceId: DEVICE, country: 'SN', payment: secret }, 'r')
  await kit.client.scoreBulk([{ kind: 'bundle', bundle: bundle({ payments: [secret] }) }], 'r')
  const sent = JSON.stringify(kit.server.requests)
  expect(kit.server.requests).toHaveLength(3)
  for (const personal of ['221771234567', 'SECRET', 'AWA', 'U0lHTkVE', 'QVBQUk9WRU'])
    expect(sent).not.toContain(personal)
  expect(kit.observed.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok'])
})

it('the same wallet has the same pseudonym in every call, and two wallets have two', async () => {
  await using kit = await siraKit()
  const [a, b] = [payment({ counter: 1, sender: 'W-A' }), payment({ counter: 2, sender: 'W-B' })]
  await kit.client.scoreBundle(bundle({ payments: [a, b] }), 'r')
  await kit.client.scoreTransaction({ deviceId: DEVICE, country: 'SN', payment: a }, 'r')
  const [first, second] = kit.server.requests.map(({ body }) => body) as [
    { transactions: { sender: string; receiver: string }[] },
    { sender: string },
  ]
  expect(first.transactions[0]?.sender).toBe(second.sender)
  expect(first.transactions[1]?.sender).not.toBe(second.sender)
  expect(first.transactions[1]?.receiver).toBe(first.transactions[0]?.receiver)
})

it('a device is named in the body, and no id is read as a part of the path', async () => {
  await using kit = await siraKit()
  expect(await kit.client.deviceReputation(deviceId('...'), 'r')).toMatchObject({ ok: true })
  expect(kit.server.requests[0]).toMatchObject({ path: '/v1/devices/reputation', body: { device_id: '...' } })
})

it('a bulk call answers each item in its order, whatever its kind', async () => {
  await using kit = await siraKit()
  const items: BulkItem[] = [
    {
      kind: 'transaction',
      transaction: { deviceId: DEVICE, country: 'SN', payment: payment({ counter: 9, amount: 666 }) },
    },
    { kind: 'bundle', bundle: bundle() },
    { kind: 'transaction', transaction: { deviceId: DEVICE, country: 'SN', payment: payment({ counter: 8 }) } },
  ]
  const results = await kit.client.scoreBulk(items, 'r')
  expect(results.map((result) => result.ok && result.value.score)).toEqual([0.9, 0.02, 0.02])
  expect(kit.server.requests).toHaveLength(1)
})

it('a bulk of many is cut into calls, and one that fails fails for its own items only', async () => {
  const second = (init: RequestInit) => new Headers(init.headers).get('x-request-id') === 'r-2'
  await using kit = await siraKit(
    {},
    { fetch: (url, init) => (second(init) ? Promise.reject(new TypeError('connection refused')) : fetch(url, init)) },
  )
  const items = Array.from({ length: 14 }, (_, index): BulkItem => {
    const bundleId = `${BUNDLE_ID.slice(0, 24)}${String(index).padStart(2, '0')}`
    const amount = index === 12 ? 666 : 500
    return { kind: 'bundle', bundle: bundle({ bundleId, payments: payments(100, () => ({ amount })) }) }
  })
  const results = await kit.client.scoreBulk(items, 'r')
  const perCall = BULK_PAYMENTS_MAX / 100
  expect(results.map(({ ok }) => ok)).toEqual(items.map((_, index) => index < perCall || index >= 2 * perCall))
  expect(results.map((result) => result.ok && result.value.payments.length > 0).indexOf(true)).toBe(12)
  expect(kit.server.requests).toHaveLength(Math.ceil(items.length / perCall) - 1)
})

it('the same payment twice in a bulk goes in two calls, so that each gets its own answer', async () => {
  await using kit = await siraKit()
  const item = (amount: number): BulkItem => ({
    kind: 'transaction',
    transaction: { deviceId: DEVICE, country: 'SN', payment: payment({ amount }) },
  })
  const results = await kit.client.scoreBulk([item(666), item(500)], 'r')
  expect(results.map((result) => result.ok && result.value.score)).toEqual([0.9, 0.02])
  expect(kit.server.requests).toHaveLength(2)
})

it('an empty bulk asks nobody', async () => {
  await using kit = await siraKit()
  expect(await kit.client.scoreBulk([], 'r')).toEqual([])
  expect(kit.server.requests).toHaveLength(0)
})
