import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OfflineError, type OfflineSDK } from '../../../src/device/sdk/index.ts'
import type { Fault } from './edge.ts'
import { expectPromisesKept, settle, Told } from './promises.ts'
import { FAULTS, Rig, type StorageFault, terms } from './rig.ts'

type Command =
  | { readonly do: 'take' | 'void' | 'outcomes' | 'restart' | 'rotate' }
  | { readonly do: 'refund'; readonly back: number; readonly amount?: number }
  | { readonly do: 'sync'; readonly faults: readonly (Fault | undefined)[] }
  | { readonly do: 'sync and take'; readonly faults: readonly (Fault | undefined)[] }
  | { readonly do: 'storage'; readonly k: number; readonly fault: StorageFault }
  | { readonly do: 'wait'; readonly minutes: number }
  | { readonly do: 'set clock'; readonly minutes: number }

const faults = fc.array(
  fc.constantFrom<Fault | undefined>(
    undefined,
    'offline',
    'lost',
    'truncated',
    'duplicated',
    'portal',
    { problem: 'clock_skew' },
    { problem: 'nonce_replayed' },
    { problem: 'temporarily_unavailable' },
    { problem: 'undecryptable' },
    { problem: 'invalid_payload' },
  ),
  { maxLength: 4 },
)

const commands = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Command>({ do: 'take' }) },
    { weight: 4, arbitrary: faults.map((list): Command => ({ do: 'sync', faults: list })) },
    { weight: 2, arbitrary: faults.map((list): Command => ({ do: 'sync and take', faults: list })) },
    { weight: 2, arbitrary: fc.constantFrom<Command>({ do: 'void' }, { do: 'outcomes' }, { do: 'rotate' }) },
    {
      weight: 3,
      arbitrary: fc
        .record(
          { back: fc.integer({ min: 1, max: 3 }), amount: fc.integer({ min: 1, max: 990 }) },
          { requiredKeys: ['back'] },
        )
        .map((given): Command => ({ do: 'refund', ...given })),
    },
    { weight: 2, arbitrary: fc.constant<Command>({ do: 'restart' }) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(...FAULTS))
        .map(([k, fault]): Command => ({ do: 'storage', k, fault })),
    },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 600 }).map((minutes): Command => ({ do: 'wait', minutes })) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: -900, max: 900 }).map((minutes): Command => ({ do: 'set clock', minutes })),
    },
  ),
  { minLength: 3, maxLength: 25 },
)

class Shop {
  readonly told = new Told()
  readonly rig: Rig
  sdk: OfflineSDK
  alive = true
  #amount = 1000

  constructor(rig: Rig, sdk: OfflineSDK) {
    this.rig = rig
    this.sdk = sdk
  }

  async run(command: Command): Promise<void> {
    const { rig } = this
    switch (command.do) {
      case 'take':
        return this.take()
      case 'void':
        return this.void()
      case 'refund':
        return this.refund(command.back, command.amount)
      case 'outcomes':
        return rig.edge.settleAll()
      case 'rotate':
        return rig.edge.rotate('seal', 'retired')
      case 'restart':
        return this.restart()
      case 'sync':
        rig.edge.faults = [...command.faults]
        return this.sync()
      case 'sync and take': {
        rig.edge.faults = [...command.faults]
        await Promise.all([this.sync(), this.take(), this.take()])
        return
      }
      case 'storage':
        rig.storage.arm(command.k, command.fault)
        return
      case 'wait':
        rig.timeMs += command.minutes * 60_000
        return
      case 'set clock':
        rig.wallOffsetMs = command.minutes * 60_000
        return
    }
  }

  async take(): Promise<void> {
    const amount = this.#amount++
    try {
      this.told.paid.push(await this.sdk.createOfflineTransaction(terms({ amount })))
    } catch (error) {
      expect(error).toMatchObject({ money: 'not_taken' })
      if (!this.rig.storage.dead) this.told.notTaken.push(amount)
    }
  }

  /** Amounts of refunds are below those of payments, which name what was taken. */
  async refund(back: number, amount: number | undefined): Promise<void> {
    const paid = this.told.paid.at(-back)
    if (paid === undefined) return
    try {
      const { kind, payment } = await this.sdk.refund(paid.localId, amount === undefined ? {} : { amount })
      if (kind === 'voided') this.told.voided.add(paid.localId)
      else this.told.paid.push({ ...payment, taken: 'offline' })
    } catch (error) {
      expect(error).toBeInstanceOf(OfflineError)
      if (this.rig.storage.dead && !this.told.voided.has(paid.localId)) this.told.maybeVoided.add(paid.localId)
    }
  }

  async void(): Promise<void> {
    const last = this.told.paid.at(-1)
    if (last === undefined) return
    try {
      await this.sdk.voidTransaction(last.counter)
      this.told.voided.add(last.localId)
    } catch (error) {
      expect(error).toBeInstanceOf(OfflineError)
      if (this.rig.storage.dead && !this.told.voided.has(last.localId)) this.told.maybeVoided.add(last.localId)
    }
  }

  async sync(): Promise<void> {
    const report = await this.sdk.syncNow().catch((error: unknown) => expect(error).toBeInstanceOf(OfflineError))
    if (report?.status === 'done') expect(report.error).toBeUndefined()
  }

  async restart(): Promise<void> {
    if (this.rig.storage.dead) this.alive = false
    this.rig.storage.revive()
    this.sdk = this.rig.sdk()
    await this.sdk.initialize()
  }
}

it('whatever happens to network, storage, clock and process, in any order: the promises hold', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (list) => {
      const rig = await Rig.create()
      const shop = new Shop(rig, await rig.started())
      for (const command of list) {
        await shop.run(command)
        if (rig.storage.dead) await shop.restart()
      }
      const sdk = await settle(rig)
      expectPromisesKept(rig, sdk, shop.told, shop.alive)
    }),
    { numRuns: 150 },
  )
}, 180_000)
