import { parseConfig } from '../../reconciler/config.ts'
import type { Log } from '../../reconciler/log.ts'
import type { BookView, SimReconciler } from '../book-view.ts'
import { servicesOf, WAY_MS } from '../services.ts'
import { settingsOf } from '../settings.ts'
import type { Scheduler } from '../time/scheduler.ts'
import type { OpenBooks } from '../world.ts'
import { directQueue } from './direct-queue.ts'
import { fundedState } from './funded.ts'
import { settlementGoesOn } from './inbox.ts'
import type { Moment } from './process.ts'
import { openModelReconciler } from './reconciler.ts'
import { change, type ModelState } from './state.ts'

/** How long a reconciler that died stays away at the most. */
const AWAY_MS_MAX = 3_600_000

/** The side of the reconciler without SQL. */
export const openModelBooks: OpenBooks = async (around) => {
  const { scheduler, random, faults, edge, wallets, telephones, trace, names } = around
  const state = fundedState(wallets, telephones)
  const broken: string[] = []
  const look = () => {
    for (const watcher of [...state.watchers]) watcher()
  }
  edge.queues.settle.onChange(look)
  edge.queues.deadLetters.onChange(look)
  const config = parseConfig(settingsOf(around))
  const reconcilers = await Promise.all(
    names.map(async (name): Promise<SimReconciler> => {
      const chance = random.stream(name)
      const dies = ({ step, side }: Moment) => {
        const isDeath = faults.strikes('reconciler_died', `${name}, ${side} it could ${step},`)
        if (isDeath) scheduler.after(chance.next() ** 2 * AWAY_MS_MAX, () => reconciler.start())
        return isDeath
      }
      const network = random.stream(`${name}'s way to the queue`)
      const way = async (what: 'request' | 'answer') => {
        await scheduler.sleep(network.next() * WAY_MS)
        if (faults.strikes(`${what}_lost`, name)) throw new TypeError('connection lost')
        const fault = what === 'request' ? 'queue_call_lost' : 'queue_answer_lost'
        if (faults.strikes(fault, edge.queues.settle.name)) throw new Error('queue is not available')
      }
      const reconciler = await openModelReconciler({
        ...{ name, scheduler, random: chance, state, config, dies },
        fetch: servicesOf(around, name),
        queue: directQueue(edge.queues.settle, way),
        log: logTo((what) => trace.say(name, what)),
        queueNextMs: (id) => (id === 'molam-settle' ? edge.queues.settle : edge.queues.deadLetters).nextAtMs,
        broken: (error) => broken.push(error.message),
      })
      return {
        name,
        get isAlive() {
          return reconciler.isRunning
        },
        start: () => reconciler.start(),
        kill: () => reconciler.kill(),
      }
    }),
  )
  return { view: viewOf(state, broken, scheduler), reconcilers }
}

const logTo = (say: (what: string) => void): Log => {
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    say(`says (${level}): ${message} ${JSON.stringify(fields)}`)
  return { debug: () => undefined, info: () => undefined, warn: at('warn'), error: at('error') } as unknown as Log
}

function viewOf(state: ModelState, broken: readonly string[], scheduler: Scheduler): BookView {
  return {
    payments: async () =>
      [...state.payments.values()].map(({ deviceId, payment, status, reason = null, transferId = null }) => ({
        localId: `${deviceId}/${payment.counter}`,
        ...{ status, reason, transferId, amount: payment.amount, sender: payment.sender, receiver: payment.receiver },
      })),
    bundles: async () =>
      new Set([...state.bundles.values()].map(({ deviceId, bundleId }) => `${deviceId}/${bundleId}`)),
    devices: async () => [...state.devices].map(([id, { status, kid, rev }]) => ({ id, status, kid, rev })),
    allowances: async () =>
      [...state.allowances].map(
        ([key, { deviceId: phoneId, no, ceiling, consumed, returned, heldMinor, stated, ...row }]) => ({
          ...{ phoneId, no, ceiling, consumed, returned, held: heldMinor, state: row.state },
          ...{ statedN: stated?.n ?? null, statedSpent: stated?.spent ?? null, isConvicted: state.misused.has(key) },
        }),
      ),
    spending: async () =>
      state.spending.map(({ deviceId, counter, payerDeviceId, ...row }) => {
        return { ...row, localId: `${deviceId}/${counter}`, phoneId: payerDeviceId }
      }),
    freeze: (wallet, isFrozen) => {
      const account = state.book.accounts.get(wallet)
      if (account !== undefined) account.frozen = isFrozen
    },
    balances: async () => new Map([...state.book.accounts].map(([wallet, { balanceMinor }]) => [wallet, balanceMinor])),
    halt: async (isHalted) =>
      change(state, ({ settlement, inbox }) => {
        settlement.isHalted = isHalted
        if (!isHalted) settlementGoesOn(inbox, scheduler.nowMs)
      }),
    transfers: async () => state.book.transfers.size,
    // No database, no failures of it.
    release: async () => undefined,
    // The model asserts after each posting that its accounts balance.
    brokenNow: () => broken,
    brokenAtQuiet: async () => broken,
    underWay: async () => [
      ...[...state.inbox.rows.values()]
        .filter(({ status }) => status === 'pending')
        .map(({ id, waitingFor }) => `inbox row ${id} is pending${waitingFor ? `: waits for ${waitingFor}` : ''}`),
      ...[...state.outbox.untold].map(({ deviceId }) => `the edge has not been told the newest of ${deviceId}`),
    ],
  }
}
