import { expect } from 'vitest'
import type { OfflineSDK, TakenPayment } from '../../../src/device/sdk/index.ts'
import { isVoided, type Payment } from '../../../src/protocol/payment.ts'
import type { Rig } from './rig.ts'

/** What the merchant was told, to be held against what became of it. */
export class Told {
  /** "Paid." */
  readonly paid: TakenPayment[] = []
  /** "Not taken": amounts, each used once. */
  readonly notTaken: number[] = []
  readonly voided = new Set<string>()
  /** The process ended before the merchant heard whether it is voided: either may be true. */
  readonly maybeVoided = new Set<string>()
}

/** Lets everything settle in a fresh process with a good network, as it will one day. */
export async function settle(rig: Rig): Promise<OfflineSDK> {
  rig.storage.revive()
  rig.edge.weather = undefined
  rig.edge.faults = []
  const sdk = await rig.started()
  for (const { counter, kind } of sdk.state.damaged) {
    // A person looks, and decides either way.
    if (kind !== 'void_unreadable') continue
    expect(sdk.state.unsynced).toBeGreaterThan(0)
    await (counter % 2 === 0 ? sdk.keepTransaction(counter) : sdk.voidTransaction(counter))
  }
  for (let i = 0; i < 4; i++) if ((await sdk.syncNow()).status === 'done') break
  rig.edge.settleAll()
  expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
  return sdk
}

/** The SDK's promises (docs/architecture.md, 1–3), after everything has settled. */
export function expectPromisesKept(rig: Rig, sdk: OfflineSDK, told: Told, aliveThroughout: boolean): void {
  const { edge } = rig
  expect(edge.contradictions).toEqual([])
  // Each counter arrived once, whatever was sent again.
  expect(edge.counters).toEqual([...new Set(edge.counters)])
  for (const payment of told.paid) {
    const arrived = edge.entriesOf(payment.counter)
    const status = sdk.getTransaction(payment.localId)?.status
    if (told.voided.has(payment.localId) || (told.maybeVoided.has(payment.localId) && status === 'voided')) {
      expect(arrived).toEqual([{ counter: payment.counter, voided: true }])
      expect(status).toBe('voided')
    } else {
      expect(arrived).toEqual([termsOf(payment)])
      expect(sdk.getTransaction(payment.localId)).toMatchObject({ status: 'succeeded', receipted: true })
    }
  }
  const arrived = edge.bundles.flatMap(({ entries }) => entries).filter((entry) => !isVoided(entry)) as Payment[]
  if (aliveThroughout) {
    const kept = told.paid.filter(({ localId }) => !told.voided.has(localId))
    expect(arrived.map(({ amount }) => amount).sort()).toEqual(kept.map(({ amount }) => amount).sort())
  }
  for (const paid of arrived) {
    const given = arrived.filter(({ refundOf }) => refundOf?.counter === paid.counter)
    expect(given.reduce((sum, { amount }) => sum + amount, 0)).toBeLessThanOrEqual(paid.amount)
  }
  for (const { refundOf } of arrived) {
    if (refundOf) expect(arrived.map(({ counter }) => counter)).toContain(refundOf.counter)
  }
  for (const amount of aliveThroughout ? told.notTaken : []) {
    expect(arrived.map((payment) => payment.amount)).not.toContain(amount)
  }
}

function termsOf(view: TakenPayment): Payment {
  const { localId: _, taken: _t, status: _s, expected: _e, receipted: _r, guarantee: _g, ...shown } = view
  const { refunded: _d, refundable: _b, refundOfLocalId: _o, ...payment } = shown
  return payment
}
