import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OfflineError, type OfflineSDK } from '../../../../src/device/sdk/index.ts'
import { isPayment, isVoided } from '../../../../src/protocol/payment.ts'
import { type Tab, Tabs } from '../contexts.ts'
import type { Fault } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

type Step =
  | { readonly do: 'take' | 'void' | 'sync' | 'relay' | 'reopen'; readonly tab: number }
  | { readonly do: 'end'; readonly tab: number; readonly k: number }
  | { readonly do: 'faults'; readonly faults: readonly (Fault | undefined)[] }
  | { readonly do: 'outcomes' }

const tab = fc.integer({ min: 0, max: 2 })
const faults = fc.array(
  fc.constantFrom<Fault | undefined>(undefined, 'offline', 'lost', 'duplicated', { problem: 'undecryptable' }),
  {
    maxLength: 3,
  },
)
const step = fc.oneof(
  { weight: 6, arbitrary: tab.map((at): Step => ({ do: 'take', tab: at })) },
  { weight: 4, arbitrary: tab.map((at): Step => ({ do: 'sync', tab: at })) },
  { weight: 3, arbitrary: tab.map((at): Step => ({ do: 'void', tab: at })) },
  { weight: 1, arbitrary: tab.map((at): Step => ({ do: 'relay', tab: at })) },
  { weight: 1, arbitrary: tab.map((at): Step => ({ do: 'reopen', tab: at })) },
  {
    weight: 2,
    arbitrary: fc.tuple(tab, fc.integer({ min: 1, max: 25 })).map(([at, k]): Step => ({ do: 'end', tab: at, k })),
  },
  { weight: 2, arbitrary: faults.map((list): Step => ({ do: 'faults', faults: list })) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'outcomes' }) },
)
/** What is in one list happens at the same time. */
const plan = fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 8 })

/** Three tabs of one shop, and what people were told in each of them. */
class Shop {
  readonly rig: Rig
  readonly tabs: Tabs
  readonly open: { tab: Tab; sdk: OfflineSDK }[] = []
  readonly paid = new Map<number, number>()
  readonly voided = new Set<number>()
  /** The tab ended before it could say whether the payment is voided. */
  readonly maybeVoided = new Set<number>()
  #amount = 1000

  constructor(rig: Rig) {
    this.rig = rig
    this.tabs = new Tabs(rig)
  }

  async reopen(at: number): Promise<void> {
    this.open[at]?.tab.end()
    const opened = this.tabs.open()
    this.open[at] = { tab: opened, sdk: await this.rig.started(opened.options(at !== 1)) }
  }

  async run(next: Step): Promise<void> {
    if (next.do === 'outcomes') return this.rig.edge.settleAll()
    if (next.do === 'faults') return void this.rig.edge.faults.push(...next.faults)
    const { tab: own, sdk } = this.open[next.tab] ?? {}
    if (own === undefined || sdk === undefined) return
    if (next.do === 'end') return own.endAfter(next.k)
    if (own.dead || next.do === 'reopen') return this.reopen(next.tab)
    try {
      if (next.do === 'take') {
        const { counter, amount } = await sdk.createOfflineTransaction(terms({ amount: this.#amount++ }))
        expect(this.paid.has(counter), `counter ${counter} twice`).toBe(false)
        this.paid.set(counter, amount)
      }
      if (next.do === 'void') {
        const last = Math.max(0, ...this.paid.keys())
        this.maybeVoided.add(last)
        await sdk.voidTransaction(last)
        this.voided.add(last)
      }
      if (next.do === 'sync') await sdk.syncNow()
      if (next.do === 'relay') await sdk.sealForRelay()
    } catch (error) {
      if (!own.dead) expect(error).toBeInstanceOf(OfflineError)
    }
  }
}

it('three tabs take, void, sync and end at any moment: no counter twice, nothing lost, no second story, both agree', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (rounds) => {
      const rig = await Rig.create()
      const shop = new Shop(rig)
      for (const at of [0, 1, 2]) await shop.reopen(at)
      for (const round of rounds) await Promise.all(round.map((next) => shop.run(next)))
      rig.edge.faults = []
      for (const at of [0, 1, 2]) {
        shop.open[at]?.tab.endAfter(Number.POSITIVE_INFINITY)
        if (shop.open[at]?.tab.dead) await shop.reopen(at)
      }
      for (const { sdk } of [...shop.open, ...shop.open]) {
        for (let i = 0; i < 3; i++) if ((await sdk.syncNow()).status === 'done') break
        rig.edge.settleAll()
      }
      const { edge } = rig
      expect(edge.contradictions).toEqual([])
      expect(edge.counters).toEqual([...new Set(edge.counters)])
      for (const [counter, amount] of shop.paid) {
        const [entry] = edge.entriesOf(counter)
        if (entry === undefined) throw new Error(`payment ${counter} is lost`)
        if (shop.voided.has(counter)) expect(isVoided(entry), `payment ${counter} is voided`).toBe(true)
        else if (isPayment(entry)) expect(entry.amount).toBe(amount)
        else expect(shop.maybeVoided.has(counter), `payment ${counter} was not voided`).toBe(true)
      }
      for (const { sdk } of shop.open) {
        expect(sdk.state).toMatchObject({ unsynced: 0, damaged: [] })
        for (const { counter, status } of sdk.getTransactions()) {
          expect(status).toBe(edge.entriesOf(counter).some(isVoided) ? 'voided' : 'succeeded')
        }
      }
    }),
    { numRuns: 120 },
  )
}, 180_000)
