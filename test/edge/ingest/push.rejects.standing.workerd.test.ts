import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { concatBytes } from '../../../src/protocol/bytes.ts'
import { newUlid } from '../../../src/protocol/ids.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import type { ProblemCode } from '../../../src/protocol/problems.ts'
import { accepted, dumpObject, dumpReadModel, recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import { randomBytes, type TestDevice } from '../../kit/device.ts'
import { expectRefusal, keySet, push, pushed, registered } from '../kit.ts'

/** Checks 4 to 6 of docs/protocol.md §7.1: standing, rate, clock. None of them writes. */
const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]
/** More than a test takes, less than any bound is apart from the next. */
const MARGIN = 20 * SECOND
let keys: KeySet
let device: TestDevice
let restore: () => void

beforeAll(async () => {
  ;({ restore } = await recordQueues())
  keys = await keySet()
})
afterAll(() => restore())
beforeEach(async () => {
  device = await registered()
})

async function refused(body: Uint8Array, code: ProblemCode) {
  const before = [await dumpObject(device), await dumpReadModel()]
  const response = await push(body)
  const problem = await expectRefusal(response.clone() as unknown as Response, code)
  expect([await dumpObject(device), await dumpReadModel()]).toEqual(before)
  return { problem, response }
}

it.each(['suspended', 'revoked'] as const)(
  'a %s device is refused, at once where an isolate still holds it as active',
  async (status) => {
    const first = await device.bundle([device.payment()], keys)
    await pushed(first.bundle)
    const second = await device.bundle([device.payment()], keys)
    await stubOf(device).setStatus(status, { actor: 'user:ops' }, 'test')
    await refused(second.bundle, `device_${status}`)
    forgetDevices()
    await refused(second.bundle, `device_${status}`)
  },
)

it('a reactivated device goes on where it was; a revoked one never does', async () => {
  const made = await device.bundle([device.payment()], keys)
  await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'test')
  await refused(made.bundle, 'device_suspended')
  await stubOf(device).setStatus('active', { actor: 'user:ops' }, 'test')
  expect((await pushed(made.bundle)).receipt.exceptions).toEqual([])
  await stubOf(device).setStatus('revoked', { actor: 'user:ops' }, 'stolen')
  for (const status of ['active', 'suspended'] as const) {
    expect(accepted(await stubOf(device).setStatus(status, { actor: 'user:ops' }, 'test'))).toEqual({
      status: 'revoked',
    })
  }
  forgetDevices()
  await refused((await device.resign(made)).bundle, 'device_revoked')
})

it('the checks come in their order: of several faults the first is told', async () => {
  const [years, garbage] = [365 * 24 * HOUR, randomBytes(60)]
  const faulty = await device.sealBytes(garbage, keys, { signedAtMs: Date.now() - years })
  const forged = faulty.bundle.with(-1, (faulty.bundle.at(-1) ?? 0) ^ 1)
  const inTime = await device.resign(faulty)
  await refused(faulty.bundle, 'clock_skew')
  await refused(inTime.bundle, 'invalid_payload')
  await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'test')
  forgetDevices()
  await refused(faulty.bundle, 'device_suspended')
  await refused(inTime.bundle, 'device_suspended')
  await refused(forged, 'invalid_signature')
  await refused(concatBytes(forged, Uint8Array.of(0)), 'malformed_bundle')
})

it('a device that pushes too often is told when to come back, and the others are not held up', async () => {
  const made = await device.bundle([device.payment()], keys)
  await pushed(made.bundle)
  let limited: Response | undefined
  // A window of 60 pushes; two of them may begin during the test.
  for (let i = 0; i < 121 && limited === undefined; i++) {
    const response = await push(made.bundle)
    if (response.status === 429) limited = response
    else await response.body?.cancel()
  }
  expect(Number(limited?.headers.get('retry-after'))).toBe(60)
  await expectRefusal(limited as Response, 'rate_limited')
  const other = await registered()
  await pushed((await other.bundle([other.payment()], keys)).bundle)
})

it('whoever cannot sign as a device cannot use up its rate', async () => {
  const made = await device.bundle([device.payment()], keys)
  const forged = made.bundle.slice()
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  for (let i = 0; i < 121; i++) await (await push(forged)).body?.cancel()
  expect((await pushed(made.bundle)).receipt.seq).toBe(1)
})

it.each([
  ['before', -30 * MINUTE - MARGIN],
  ['after', 30 * MINUTE + MARGIN],
  ['a year before', -365 * 24 * HOUR],
  ['years after', 2 ** 40 * SECOND - Date.now() - HOUR],
])('signed %s the skew: clock_skew tells the server’s time', async (_, offsetMs) => {
  const startMs = Date.now()
  const made = await device.bundle([device.payment()], keys, { signedAtMs: startMs + offsetMs })
  const { problem } = await refused(made.bundle, 'clock_skew')
  expect(problem.server_time).toBeGreaterThanOrEqual(startMs)
  expect(problem.server_time).toBeLessThanOrEqual(Date.now())
})

it.each([
  ['just within the skew before', -30 * MINUTE + MARGIN],
  ['just within the skew after', 30 * MINUTE - MARGIN],
])('signed %s is accepted', async (_, offsetMs) => {
  const made = await device.bundle([device.payment()], keys, { signedAtMs: Date.now() + offsetMs })
  expect((await pushed(made.bundle)).receipt.exceptions).toEqual([])
})

it('after clock_skew the same sealed payments, signed again with the learnt time, are accepted', async () => {
  const made = await device.bundle([device.payment()], keys, { signedAtMs: Date.now() - 400 * 24 * HOUR })
  const { problem } = await refused(made.bundle, 'clock_skew')
  const again = await device.resign(made, { signedAtMs: problem.server_time ?? 0 })
  expect(again.sealed).toEqual(made.sealed)
  expect((await pushed(again.bundle)).receipt.exceptions).toEqual([])
})

it('a relayed bundle may be hours old, up to the policy’s hours, and not from the future', async () => {
  const relayed = (offsetMs: number) => {
    const bundleId = newUlid(Date.now(), randomBytes)
    return device.bundle([device.payment()], keys, { relay: true, bundleId, signedAtMs: Date.now() + offsetMs, seq: 1 })
  }
  await refused((await relayed(-24 * HOUR - MARGIN)).bundle, 'clock_skew')
  await refused((await relayed(30 * MINUTE + MARGIN)).bundle, 'clock_skew')
  device.prev = new Uint8Array(16)
  expect((await pushed((await relayed(-24 * HOUR + MARGIN)).bundle)).receipt.seq).toBe(1)
})
