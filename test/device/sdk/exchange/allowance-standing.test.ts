import { describe, expect, it } from 'vitest'
import type { HeldAllowance } from '../../../../src/device/sdk/index.ts'
import { ALLOWANCE, Counter } from './counter.ts'

const yes = async () => true
const stateOf = async ({ phone }: Counter): Promise<HeldAllowance['state'] | undefined> =>
  (await phone.heldAllowance())?.state

describe('how an allowance stands', () => {
  it('is nothing before one was asked for, and unsent while nobody knows whether the order came', async () => {
    const counter = await Counter.open()
    expect(await counter.phone.heldAllowance()).toBeUndefined()
    await expect(counter.phone.requestAllowance({ amount: 2000, userPresence: yes })).rejects.toThrow()
    await counter.restartPhone()
    expect(await counter.phone.heldAllowance()).toEqual({ state: 'unsent', ceiling: 2000, used: 0, isInPass: false })
  })

  it('is open with what was signed under it, and over once its time has passed', async () => {
    const counter = await Counter.open(ALLOWANCE)
    await counter.pay(1500)
    expect(await counter.phone.heldAllowance()).toMatchObject({
      ...{ state: 'open', ceiling: 50_000, used: 1500, isInPass: true },
      untilMs: counter.phoneRig.edge.allowance?.untilMs,
    })
    counter.phoneRig.timeMs += 8 * 86_400_000
    expect(await stateOf(counter)).toBe('over')
  })

  it('is not called closed before the edge has said so', async () => {
    const counter = await Counter.open(ALLOWANCE)
    await expect(counter.phone.closeAllowance()).rejects.toThrow()
    expect(await stateOf(counter)).toBe('close_unsent')
    counter.phoneRig.edge.weather = undefined
    await counter.phone.closeAllowance()
    counter.phoneRig.edge.allowance = { no: 1, ceiling: 50_000, state: 'closed' }
    await counter.phone.syncNow()
    expect(await stateOf(counter)).toBe('closed')
  })

  it('is refused with its reason', async () => {
    const counter = await Counter.open(ALLOWANCE)
    counter.phoneRig.edge.weather = undefined
    counter.phoneRig.edge.allowance = { no: 1, ceiling: 50_000, state: 'refused', reason: 'insufficient_funds' }
    await counter.phone.syncNow()
    expect(await counter.phone.heldAllowance()).toMatchObject({ state: 'refused', reason: 'insufficient_funds' })
  })

  it('of another storage is not counted under', async () => {
    const counter = await Counter.open()
    counter.phoneRig.edge.weather = undefined
    counter.phoneRig.edge.allowance = { no: 3, ceiling: 5000, state: 'open', untilMs: counter.phoneRig.timeMs + 1e9 }
    await counter.phone.syncNow()
    expect(await stateOf(counter)).toBe('uncounted')
  })
})
