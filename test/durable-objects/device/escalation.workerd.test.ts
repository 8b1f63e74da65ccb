import { beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { configOf } from '../../../src/edge/config.ts'
import { err, ok } from '../../../src/protocol/result.ts'
import type { RemoteScorer } from '../../../src/risk/remote-scorer.ts'
import type { RemoteFailure } from '../../../src/risk/score.ts'
import type { Escalation } from '../../../src/risk/sira-request.ts'
import { keySet, push, pushed, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import {
  age,
  alarm,
  alarmIn,
  deliverIndex,
  describeDevice,
  inObject,
  lostQueues,
  type Queues,
  recordAll,
  select,
  stubOf,
} from './kit.ts'

/** What people at SIRA have to look at is owed to it like everything else is to others: until it is taken. */
let device: TestDevice
let queues: Queues

beforeAll(async () => {
  await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

/** Puts a SIRA under the objects that answers each escalation as `answer` says. @returns those that it was told */
async function sira(answer: (escalation: Escalation) => RemoteFailure | undefined): Promise<Escalation[]> {
  const told: Escalation[] = []
  await inObject(device, (_, object) => {
    const config = configOf((object as unknown as { env: object }).env) as { scorer: RemoteScorer }
    const { scorer } = config
    const escalate = async (escalation: Escalation) => {
      told.push(escalation)
      const failure = answer(escalation)
      return failure === undefined ? ok('CASE-1') : err(failure)
    }
    config.scorer = { ...scorer, takesEscalations: true, escalate }
    onTestFinished(() => {
      config.scorer = scorer
    })
  })
  return told
}

/** A bundle under an id that was admitted: contradicts, and suspends nothing. */
async function conflict() {
  const keys = await keySet()
  const first = await device.bundle([device.payment()], keys)
  await pushed(first.bundle)
  const { seq, prev } = device
  const other = await device.bundle([device.payment()], keys, { bundleId: first.header.bundleId })
  expect((await push(other.bundle)).status).toBe(409)
  Object.assign(device, { seq, prev })
}
const fork = async () => {
  const forged = await device.bundle([device.payment()], await keySet(), { seq: 1, prev: new Uint8Array(16) })
  expect((await push(forged.bundle)).status).toBe(409)
}
/** The reconciler and the read model have taken what they were sent. */
const allElseIsHeld = async () => {
  await age(device, 60_000)
  await alarm(device)
  await recordAll(device, queues)
  await deliverIndex(queues)
}
const owed = async () => (await describeDevice(device)).owed
const untold = () => select(device, 'SELECT kind FROM escalations WHERE told = 0 ORDER BY id')

it('is owed while SIRA is down, also when nothing else is, and told by the alarm once SIRA is well', async () => {
  let isDown = true
  const told = await sira(() => (isDown ? { reason: 'unreachable' } : undefined))
  await conflict()
  await allElseIsHeld()
  expect(await owed()).toMatchObject({ settle: 0, index: 0, escalations: 1 })
  expect(await alarmIn(device)).toBeGreaterThan(0)

  isDown = false
  await alarm(device)
  expect(told.at(-1)).toMatchObject({ id: `${device.id}/1`, kind: 'bundle_conflict', seq: 2 })
  expect(await owed()).toEqual({ settle: 0, index: 0, escalations: 0, oldestMs: null })
  const times = told.length
  await alarm(device)
  await stubOf(device).wake()
  expect(told).toHaveLength(times)
  expect(await alarmIn(device)).toBeUndefined()
})

it('an alarm that was lost is set again for it', async () => {
  await sira(() => ({ reason: 'unreachable' }))
  await conflict()
  await allElseIsHeld()
  await inObject(device, ({ storage }) => storage.deleteAlarm())
  await stubOf(device).wake()
  expect(await alarmIn(device)).toBeGreaterThan(0)
})

it.each<RemoteFailure>([
  { reason: 'rejected', status: 422 },
  { reason: 'invalid_answer', what: 'shape' },
])('one that SIRA refuses ($reason) stays owed and shown, and the next is told all the same', async (failure) => {
  await sira(({ kind }) => (kind === 'bundle_conflict' ? failure : undefined))
  await conflict()
  await fork()
  await stubOf(device).wake()
  expect(await untold()).toEqual([{ kind: 'bundle_conflict' }])
  expect(await owed()).toMatchObject({ escalations: 1 })
})

it('while SIRA cannot be reached it is asked once a turn, however many wait', async () => {
  const told = await sira(() => ({ reason: 'timeout' }))
  await conflict()
  await fork()
  told.length = 0
  await stubOf(device).wake()
  expect(told).toHaveLength(1)
  expect(await untold()).toHaveLength(2)
})

it('where there is no SIRA nothing is owed to it, and people see the escalation in the audit', async () => {
  await conflict()
  await allElseIsHeld()
  expect(await owed()).toEqual({ settle: 0, index: 0, escalations: 0, oldestMs: null })
  const actions = await select(device, "SELECT action FROM audit WHERE action = 'escalation_raised'")
  expect(actions).toHaveLength(1)
})
