import { deviceStub, type Env } from '../src/env.ts'
import { logger } from '../src/log.ts'
import { markSwept, nextToSweep } from '../src/store/sweep.ts'

/** Objects woken by one run of the cron: 100 a minute are 144 000 a day. */
const DEVICES_PER_SWEEP = 100

/**
 * Wakes objects, those first that were not woken for the longest time. An object that owes something and lost its alarm
 * sets it again when it is woken, so nothing stays owed for ever because a device never came back.
 */
export async function sweep(env: Env, nowMs: number): Promise<void> {
  const deviceIds = await nextToSweep(env.DB, DEVICES_PER_SWEEP)
  const woken = await Promise.allSettled(deviceIds.map((deviceId) => deviceStub(env, deviceId).wake()))
  const owed = woken.flatMap((result) => (result.status === 'fulfilled' ? (result.value ?? []) : []))
  await markSwept(env.DB, deviceIds, nowMs)
  logger.info('swept', {
    devices: deviceIds.length,
    failed: woken.filter(({ status }) => status === 'rejected').length,
    owed: owed.reduce((sum, { settle, index }) => sum + settle + index, 0),
  })
}
