import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { policiesInForce } from '../../../src/edge/ingest/policy-cache.ts'
import { parseSign1 } from '../../../src/protocol/cose.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import type { Problem } from '../../../src/protocol/problems.ts'
import { decodeReceipt, type Receipt } from '../../../src/protocol/receipt.ts'
import { accepted, describeDevice, recordQueues, select, stubOf } from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { bindings, fetchWith, keySet, push, pushInit, receiptOf, registered } from '../kit.ts'

/** Many different pushes of one device at once: the day's limits hold, and no push is half done. */
let keys: KeySet
let device: TestDevice
let queues: Awaited<ReturnType<typeof recordQueues>>

beforeAll(async () => {
  queues = await recordQueues()
  keys = await keySet()
})
afterAll(() => queues.restore())
beforeEach(async () => {
  device = await registered()
  // The first receipts take a moment to sign, as in a KMS: without it nothing would run between decision and commit.
  const { sign } = crypto.subtle
  let slow = 40
  const spy = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (algorithm, key, data) => {
    if (key.algorithm.name === 'ECDSA' && slow-- > 0) await new Promise((resolve) => setTimeout(resolve, 1))
    return sign.call(crypto.subtle, algorithm, key, data)
  })
  onTestFinished(() => spy.mockRestore())
})

/** A chain of bundles of one payment each, out of the device's own wallet. */
async function chain(length: number, amount: number): Promise<Made[]> {
  const made: Made[] = []
  for (let i = 0; i < length; i++) {
    const payment = device.payment({ amount: amountMinor(amount), sender: device.ownerWallet, receiver: 'W-SHOP' })
    made.push(await device.bundle([payment], keys))
  }
  return made
}

const notRefused = (receipts: readonly Receipt[]) =>
  receipts.filter(({ exceptions }) => exceptions.every(({ decision }) => decision !== 'refused')).length

const refusalsOf = (receipts: readonly Receipt[]) => {
  const refused = receipts.flatMap(({ exceptions }) => exceptions.filter(({ decision }) => decision === 'refused'))
  return new Set(refused.map(({ reason }) => reason))
}

const activity = async (): Promise<{ count: number; value: number }[]> => {
  const [row] = await select(device, 'SELECT activity FROM device')
  return JSON.parse(`${row?.['activity']}`).map(([, day]: [string, { count: number; value: number }]) => day)
}

it('a hundred pushes at once never take more value than the day allows, and what fits is taken', async () => {
  const made = await chain(100, 15_000)
  // More than the 60 a minute that a device has.
  const roomy = { PUSH_RATE: { limit: async () => ({ success: true }) } } as object
  const pushes = made.map(({ bundle }) => fetchWith(roomy, '/offline/push', pushInit(bundle)))
  const receipts = await Promise.all(pushes.map(async (response) => (await receiptOf(await response)).receipt))
  expect(new Set(receipts.map(({ seq }) => seq)).size).toBe(100)
  expect(refusalsOf(receipts)).toEqual(new Set(['limit_exceeded']))
  expect(notRefused(receipts)).toBe(33)
  expect(await activity()).toEqual([{ count: 33, value: 495_000 }])
})

it('a hundred admissions at once never take more payments than the day allows', async () => {
  const made = await chain(100, 100)
  const policy = (await policiesInForce(bindings, Date.now())).get('SN')
  if (policy === undefined) throw new Error('no policy')
  const results = await Promise.all(
    made.map(({ bundle, header, digest }, i) => {
      const payment = { ...device.payment(), counter: i + 1, amount: amountMinor(100) }
      const payload = { currency: currency('XOF'), entries: [payment] }
      const request = {
        claims: header,
        digest,
        bundle,
        payload,
        policy,
        disproven: [],
        unapproved: [],
        cursor: 0,
        carrier: undefined,
        remote: { ok: false, error: { reason: 'not_configured' } } as const,
        requestId: `r-${i}`,
      }
      return stubOf(device).admit(request)
    }),
  )
  const receipts = results.map((result) => {
    const { kind, receipt } = accepted(result)
    expect(kind).toBe('admitted')
    return decodeReceipt(parseSign1(receipt).payload)
  })
  expect(refusalsOf(receipts)).toEqual(new Set(['limit_exceeded']))
  expect(notRefused(receipts)).toBe(50)
  expect(await activity()).toEqual([{ count: 50, value: 5000 }])
  expect(new Set(receipts.map(({ seq }) => seq)).size).toBe(100)
  expect(await select(device, 'SELECT head, counters FROM device')).toEqual([{ head: 100, counters: '[[1,100]]' }])
})

it('a suspension among pushes divides them: all before it have receipts and rows, none after it has either', async () => {
  const made = await chain(40, 100)
  const pushes = made.map(({ bundle }) => push(bundle))
  await Promise.race(pushes)
  await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'race')
  const codes = await Promise.all(
    (await Promise.all(pushes)).map(async (response) =>
      response.status === 200 ? (await receiptOf(response)).receipt.seq : ((await response.json()) as Problem).code,
    ),
  )
  const admitted = codes.filter((code) => typeof code === 'number')
  const refused = codes.filter((code) => typeof code === 'string')
  expect(new Set(refused)).toEqual(new Set(refused.length > 0 ? ['device_suspended'] : []))
  const rows = await select<{ seq: number }>(device, 'SELECT seq FROM bundles ORDER BY seq')
  expect(rows.map(({ seq }) => seq)).toEqual(admitted.toSorted((a, b) => a - b))
  const audit = await select<{ action: string }>(device, 'SELECT action FROM audit ORDER BY id')
  const actions = audit.map(({ action }) => action)
  expect(actions.at(-1)).toBe('device_suspended')
  expect((await activity())[0]?.count).toBe(admitted.length)
})

it('two bundles for one place at once: one is admitted, the other is a fork', async () => {
  const [first] = await chain(1, 100)
  device.seq = 1
  device.prev = new Uint8Array(16)
  const [second] = await chain(1, 200)
  const responses = await Promise.all([first, second].map((made) => push(made?.bundle ?? new Uint8Array())))
  expect(responses.map(({ status }) => status).sort()).toEqual([200, 409])
  expect(await select(device, 'SELECT seq FROM bundles')).toHaveLength(1)
  expect(await select(device, 'SELECT kind FROM evidence')).toEqual([{ kind: 'chain_fork' }])
  expect((await describeDevice(device)).status).toBe('suspended')
})
