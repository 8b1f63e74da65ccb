import { describe, expect, it } from 'vitest'
import { OfflineError } from '../../../../src/device/sdk/index.ts'
import { expectPromisesKept, settle, Told } from '../promises.ts'
import { AT_REST, FAULTS, Rig, type StorageFault, terms } from '../rig.ts'

/**
 * A day in short, with one storage call failing: the process ends there, or goes on with a store that failed once. Then
 * the device is started again over what was stored.
 */
async function day(rig: Rig, told: Told, fault: StorageFault): Promise<void> {
  const sdk = rig.sdk()
  const step = async (run: () => Promise<unknown>) => {
    if (!rig.storage.dead) await run().catch((error: unknown) => expect(error).toBeInstanceOf(OfflineError))
  }
  const take = (amount: number) =>
    step(async () => {
      try {
        told.paid.push(await sdk.createOfflineTransaction(terms({ amount })))
      } catch (error) {
        expect(error).toMatchObject({ money: 'not_taken' })
        told.notTaken.push(amount)
        throw error
      }
    })
  await step(() => sdk.initialize())
  await take(1001)
  await take(1002)
  await step(async () => {
    const second = told.paid[1]
    if (second === undefined) return
    if (fault.startsWith('dies')) told.maybeVoided.add(second.localId)
    await sdk.voidTransaction(second.counter)
    told.voided.add(second.localId)
  })
  await step(() => sdk.syncNow())
  rig.edge.settleAll()
  await take(1003)
  await step(() => sdk.syncNow())
  await sdk.destroy()
}

describe.each(FAULTS)('the storage %s, at any one call of the day', (fault: StorageFault) => {
  it.each(AT_REST)('%s: nothing told is lost, nothing told twice, no counter has two contents', async (_, atRest) => {
    let k = 1
    for (; ; k++) {
      const rig = await Rig.create({ atRest })
      const told = new Told()
      rig.storage.arm(k, fault)
      await day(rig, told, fault)
      const happened = rig.storage.revive()
      const sdk = await settle(rig)
      try {
        expectPromisesKept(rig, sdk, told, !fault.startsWith('dies'))
        // Only a write that was cut off leaves something unreadable, and never of a payment that was told.
        const damaged = sdk.state.damaged.map(({ counter }) => counter)
        if (fault !== 'dies torn') expect(damaged).toEqual([])
        for (const { counter } of told.paid) expect(damaged).not.toContain(counter)
        const next = await sdk.createOfflineTransaction(terms({ amount: 1099 }))
        expect(rig.edge.counters).not.toContain(next.counter)
        expect(damaged).not.toContain(next.counter)
        const report = await sdk.syncNow()
        expect(report).toMatchObject({ status: 'done', unsynced: damaged.length })
        expect(rig.edge.entriesOf(next.counter)).toMatchObject([{ amount: 1099 }])
        expect(rig.edge.contradictions).toEqual([])
      } catch (error) {
        throw new Error(`at storage call ${k}`, { cause: error })
      }
      if (!happened) break
    }
    // The day has this many calls, or the test does not reach into it.
    expect(k).toBeGreaterThan(60)
  })
})
