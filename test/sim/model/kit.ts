import { parseConfig } from '../../../reconciler/config.ts'
import { openLog } from '../../../reconciler/log.ts'
import { realCurve } from '../../../sim/crypto/curve.ts'
import { type AccountKind, openAccount } from '../../../sim/model/book.ts'
import { fund } from '../../../sim/model/post.ts'
import type { Moment } from '../../../sim/model/process.ts'
import { type ModelReconciler, openModelReconciler } from '../../../sim/model/reconciler.ts'
import { change, type ModelState, newModelState } from '../../../sim/model/state.ts'
import { installGlobals } from '../../../sim/time/globals.ts'
import { Random } from '../../../sim/time/random.ts'
import { Scheduler } from '../../../sim/time/scheduler.ts'
import { MINUTE_MS } from '../../../src/protocol/time.ts'
import { makeWorld, type World } from '../../reconciler/kit.ts'
import type { Database } from '../../reconciler/open-database.ts'
import { LOGINS } from '../logins.ts'

const START_MS = Date.UTC(2026, 10, 22, 9)
/** Outages, pauses and leases are over by then, several times. */
const QUIET_MS = 30 * MINUTE_MS

/** A world of messages (test/reconciler/kit.ts) around the model's book, under simulated time. */
export interface ModelWorld extends World {
  readonly state: ModelState
  readonly scheduler: Scheduler
  /** Opens a wallet, and puts money on it. */
  wallet(wallet: string, balance: number, kind?: AccountKind): string
  balance(wallet: string): number | undefined
  /** `[counter, status, ? reason]` as the edge was told, all of them in order. */
  told(deviceId: string): readonly unknown[]
  start(options?: StartOptions): Promise<ModelReconciler>
  /** Until nothing more comes. @param ms how long that may take in the world */
  quiet(ms?: number): Promise<void>
  restore(): void
}

export interface StartOptions {
  readonly name?: string
  readonly dies?: (moment: Moment) => boolean
}

export async function modelWorld(seed = 1): Promise<ModelWorld> {
  const random = new Random(seed)
  const scheduler = new Scheduler(START_MS, random.stream('order'))
  const nothing = async () => Response.error()
  const restore = installGlobals({ scheduler, random: random.stream('globals'), curve: realCurve, fetch: nothing })
  const state = newModelState()
  let funded = 0
  const wallet = (wallet: string, balance: number, kind: AccountKind = 'merchant') => {
    change(state, ({ book }) => {
      openAccount(book, wallet, 'XOF', kind)
      if (balance > 0) fund(book, 'test', ++funded, wallet, balance, 'XOF')
    })
    return wallet
  }
  const open: Database['open'] = async (id, balance = 0, { kind = 'merchant' } = {}) => {
    wallet(id, balance, kind as AccountKind)
  }
  const database = { logins: LOGINS, open } as Database
  const world = await makeWorld(database, { QUEUE_POLL_MS: '60000' })
  Object.defineProperty(world, 'now', { get: () => scheduler.nowMs })
  return Object.assign(world, {
    ...{ state, scheduler, restore, wallet },
    balance: (id: string) => state.book.accounts.get(id)?.balanceMinor,
    told: (deviceId: string) =>
      world.network
        .outcomes(deviceId)
        .map(({ counter, status, reason }) => [counter, status, ...(reason ? [reason] : [])]),
    async start({ name = 'model', dies = () => false }: StartOptions = {}) {
      const reconciler = await openModelReconciler({
        ...{ name, scheduler, random: random.stream(name), state, dies, log: openLog('silent') },
        config: parseConfig(world.env),
        fetch: (url, init) => world.network.fetch(url as string, init),
        broken(error) {
          throw error
        },
      })
      reconciler.start()
      return reconciler
    },
    async quiet(ms = QUIET_MS) {
      await scheduler.run(() => false, scheduler.nowMs + ms)
    },
  })
}
