import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { expectRefusal, insertPolicy, keySet, push, pushed, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { describeDevice, dumpObject, inObject, lostQueues, select, stubOf } from './kit.ts'

/** An admission is whole or it is nothing, and the next one is judged on what is stored. */
let keys: KeySet
let device: TestDevice

beforeEach(async () => {
  await lostQueues()
  keys = await keySet()
  device = await registered()
})

it('one that fails in its last write leaves nothing behind, and is admitted when it comes again', async () => {
  // The day takes 500 000: were the failed one counted, its repetition would not fit.
  const payments = [1, 2, 3, 4, 5].map(() => device.payment({ amount: amountMinor(60_000) }))
  const own = payments.map((payment) => ({ ...payment, sender: device.ownerWallet, receiver: 'W-SHOP' }))
  const { bundle } = await device.bundle(own, keys)
  await describeDevice(device)
  const before = await dumpObject(device)
  const forbid = "CREATE TRIGGER no_bundle BEFORE INSERT ON bundles BEGIN SELECT RAISE(ABORT, 'disk full'); END"
  await inObject(device, ({ storage }) => void storage.sql.exec(forbid))
  for (let i = 0; i < 2; i++) expect((await push(bundle)).status).toBe(500)
  await inObject(device, ({ storage }) => void storage.sql.exec('DROP TRIGGER no_bundle'))
  expect(await dumpObject(device)).toBe(before)

  const { receipt } = await pushed(bundle)
  expect(receipt.seq).toBe(1)
  expect(receipt.exceptions.filter(({ decision }) => decision === 'refused')).toEqual([])
  const [{ activity, head, counters }] = (await select(device, 'SELECT activity, head, counters FROM device')) as [
    Record<string, string>,
  ]
  expect(JSON.parse(activity ?? '').map(([, day]: [string, object]) => day)).toEqual([{ count: 5, value: 300_000 }])
  expect({ head, counters }).toEqual({ head: 1, counters: '[[1,5]]' })
})

it('twenty at once are signed once each', async () => {
  const made = []
  for (let i = 0; i < 20; i++) made.push(await device.bundle([device.payment()], keys))
  // As slow as a KMS is: calls arrive while a receipt is being signed.
  const { sign } = crypto.subtle
  const signed: string[] = []
  const spy = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (algorithm, key, data) => {
    if (key.algorithm.name === 'ECDSA') {
      signed.push(new TextDecoder().decode(data).includes('molam-receipt-v1') ? 'receipt' : 'notice')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return sign.call(crypto.subtle, algorithm, key, data)
  })
  onTestFinished(() => spy.mockRestore())
  const seqs = await Promise.all(made.map(async ({ bundle }) => (await pushed(bundle)).receipt.seq))
  expect(new Set(seqs).size).toBe(20)
  expect(signed.filter((what) => what === 'receipt')).toHaveLength(20)
})

it('one that fails does not hold up the next', async () => {
  const [first, second] = [await device.bundle([device.payment()], keys), await device.bundle([device.payment()], keys)]
  const { sign } = crypto.subtle
  let fails = true
  const spy = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (algorithm, key, data) => {
    if (key.algorithm.name === 'ECDSA' && fails) {
      fails = false
      throw new Error('the KMS does not answer')
    }
    return sign.call(crypto.subtle, algorithm, key, data)
  })
  onTestFinished(() => spy.mockRestore())
  const answers = await Promise.all([push(first.bundle), push(second.bundle)])
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 500])
  await pushed(first.bundle)
  expect(await select(device, 'SELECT seq FROM bundles ORDER BY seq')).toEqual([{ seq: 1 }, { seq: 2 }])
})

it('a device that is suspended while its receipt is being signed is judged again, and nothing is admitted', async () => {
  const { bundle } = await device.bundle([device.payment()], keys)
  const { sign } = crypto.subtle
  let receipts = 0
  const spy = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (algorithm, key, data) => {
    const isReceipt = new TextDecoder().decode(data as Uint8Array).includes('molam-receipt-v1')
    if (isReceipt && receipts++ === 0) await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'stolen')
    return sign.call(crypto.subtle, algorithm, key, data)
  })
  onTestFinished(() => spy.mockRestore())
  await expectRefusal(await push(bundle), 'device_suspended')
  expect(receipts).toBe(1)
  expect(await select(device, 'SELECT seq FROM bundles')).toEqual([])
  expect(await select(device, 'SELECT head, bundle_count, status FROM device')).toEqual([
    { head: 0, bundle_count: 0, status: 'suspended' },
  ])
})

it('the id and the nonce of a bundle far back are known still', async () => {
  const first = await device.bundle([device.payment()], keys)
  await pushed(first.bundle)
  for (let i = 0; i < 3; i++) await pushed((await device.bundle([device.payment()], keys)).bundle)
  const { seq, prev } = device
  const { bundleId, nonce } = first.header
  for (const [over, code] of [
    [{ bundleId }, 'bundle_conflict'],
    [{ nonce }, 'nonce_replayed'],
  ] as const) {
    Object.assign(device, { seq, prev })
    const again = await device.bundle([device.payment()], keys, over)
    await expectRefusal(await push(again.bundle), code)
  }
  expect((await pushed(first.bundle)).receipt.seq).toBe(1)
})

it('what the edge has not seen is counted over the bundles of a backlog, each of them judged on what is stored', async () => {
  const limit = { max_offline_value_between_syncs: 5_000, max_offline_amount: 5_000, max_clock_skew_minutes: 1 }
  await insertPolicy('TG', limit)
  const own = await registered({ country: 'TG' })
  await inObject(
    own,
    ({ storage }) => void storage.sql.exec('UPDATE device SET registered_at = registered_at - 86400000'),
  )
  const before = Math.floor(Date.now() / 1000) * 1000 - 300_000
  const saidOf = async (...amounts: readonly (readonly [amount: number, initiatedAtMs: number])[]) => {
    const payments = amounts.map(([amount, initiatedAtMs]) =>
      own.payment({ amount: amountMinor(amount), initiatedAtMs }),
    )
    const { receipt } = await pushed((await own.bundle(payments, keys)).bundle)
    return receipt.exceptions.map(({ decision, reason }) => `${decision} ${reason}`)
  }
  expect(await saidOf([2_000, before], [2_000, before])).toEqual([])
  expect(await saidOf([1_000, before])).toEqual([])
  expect(await saidOf([1, before])).toEqual(['review unsynced_limit'])
  // Taken since the sync.
  expect(await saidOf([1_000, Math.floor(Date.now() / 1000) * 1000])).toEqual([])
  const [row] = await select<{ unsynced: string }>(own, 'SELECT unsynced FROM device')
  expect(JSON.parse(row?.unsynced ?? '')[0]).toMatchObject({ value: 5_001 })
})
