import { deviceStub, type Env } from '../../../src/edge/env.ts'
import { logger } from '../../../src/edge/log.ts'
import { owingDevices, writeOwed } from '../../../src/edge/metrics/owed.ts'
import { askCountries, listWaiting } from '../../../src/edge/store/countries.ts'
import { compareSome } from '../../../src/edge/store/ended.ts'
import { forgetAnswers } from '../../../src/edge/store/idempotency.ts'
import { mendReadModel } from '../../../src/edge/store/mend.ts'
import { removeSettled } from '../../../src/edge/store/retention.ts'
import { WAITING_STATUSES } from '../../../src/protocol/states.ts'
import type { SweepPlace } from '../../country/devices.ts'

/** Objects woken by one run of the cron: 100 a minute are 144 000 a day. */
const DEVICES_PER_SWEEP = 100
/** Bundles that the read model is compared about: those that wait longest, and as many of the devices of the run, so that each has its turn. */
const WAITING_PER_SWEEP = 500

/**
 * Wakes objects, those first that were not woken for the longest time. An object that owes something and lost its alarm
 * sets it again when it is woken, so nothing stays owed for ever because a device never came back. Those that owed
 * something last time are asked again, a hundred a run: while more devices owe, what `/metrics` shows of them is older than
 * a minute, and it knows of those only that were asked. What bundles wait for the reconciler the read model tells at once.
 * Then the read model is compared with what objects told of these devices, and of what waits; and with some of what they say has ended.
 */
export async function sweep(env: Env, nowMs: number): Promise<void> {
  const [next, owing] = await Promise.all([nextToSweep(env), owingDevices(env.DB, DEVICES_PER_SWEEP)])
  const deviceIds = [...new Set([...next.map(({ deviceId }) => deviceId), ...owing])]
  const woken = await Promise.allSettled(deviceIds.map((deviceId) => deviceStub(env, deviceId).wake()))
  const owed = woken.flatMap((result, at) => {
    if (result.status === 'rejected' || !result.value.ok) return []
    return [{ deviceId: deviceIds[at] ?? '', ...result.value.value }]
  })
  const [removed] = await Promise.all([
    removeSettled(env.DB, nowMs),
    askCountries(env, undefined, (country) => country.markSwept(deviceIds)),
    ...[writeOwed(env.DB, owed, nowMs), forgetAnswers(env.DB, nowMs)],
  ])
  const longest = { statuses: WAITING_STATUSES, order: 'oldest' } as const
  const waiting = await Promise.all(
    [longest, { ...longest, deviceIds }].map((filter) => listWaiting(env, filter, WAITING_PER_SWEEP)),
  )
  await mendReadModel(env, { bundles: waiting.flat(), devices: next.flatMap(({ known }) => known ?? []) }, nowMs)
  await compareSome(env, deviceIds, Math.random, nowMs)
  logger.info('swept', {
    devices: deviceIds.length,
    removed,
    failed: woken.filter(({ status }) => status === 'rejected').length,
    owed: owed.reduce((sum, { settle, index, escalations }) => sum + settle + index + escalations, 0),
  })
}

/** Of all countries together. */
async function nextToSweep(env: Env): Promise<readonly SweepPlace[]> {
  const places = await askCountries<readonly SweepPlace[]>(env, undefined, (country) =>
    country.nextToSweep(DEVICES_PER_SWEEP),
  )
  const byAge = (a: SweepPlace, b: SweepPlace) => (a.sweptAtMs ?? 0) - (b.sweptAtMs ?? 0)
  return places.flat().sort(byAge).slice(0, DEVICES_PER_SWEEP)
}
