import { seededRandom } from '../random.ts'
import { type Fleet, inParallel } from './fleet.ts'

/** What happened so far, for whoever shows it. */
export interface DayProgress {
  readonly phase: 'market' | 'settling'
  readonly taken: number
  readonly planned: number
  readonly unsynced: number
  readonly unsettled: number
}

const ROUNDS = 6
/** How many devices find a network in a round, and what it loses of their traffic each way. */
const NETWORK_CHANCE = 0.5
const LOSS = 0.15
const SETTLE_EVERY_MS = 500

/**
 * Lives a market day: round by round devices take payments offline, and some of them find a bad network and sync.
 * In the evening all have a good one and sync until everything has an outcome or waits for a person; customers look at their
 * phones and answer what was claimed from them.
 *
 * @returns whether all was settled before the deadline
 */
export async function liveMarketDay(
  fleet: Fleet,
  options: {
    readonly payments: number
    readonly seed: number
    readonly deadlineMs: number
    readonly signal: AbortSignal
  },
  show: (progress: DayProgress) => void,
): Promise<boolean> {
  const { devices, holders } = fleet
  const random = seededRandom(options.seed + 1)
  const progress = (phase: DayProgress['phase']): DayProgress => ({
    phase,
    planned: options.payments,
    taken: sum(devices.map(({ taken }) => taken.size)),
    unsynced: sum(devices.map(unsyncedOf)),
    unsettled: sum(devices.map(({ unsettled }) => unsettled.length)),
  })
  for (let round = 1; round <= ROUNDS && !options.signal.aborted; round++) {
    await inParallel(devices, async (device) => {
      await device.takeUntil(round / ROUNDS)
      device.network.up = random() < NETWORK_CHANCE
      device.network.loss = LOSS
      if (device.network.up) await device.sdk.syncNow()
      device.network.up = false
    })
    show(progress('market'))
  }
  for (const device of devices) Object.assign(device.network, { up: true, loss: 0 })
  while (!options.signal.aborted) {
    await inParallel(
      devices.filter((device) => unsyncedOf(device) > 0 || device.unsettled.length > 0),
      async ({ sdk }) => void (await sdk.syncNow()),
    )
    await inParallel(claimedFrom(devices), (wallet) => holders.answer(wallet))
    const now = progress('settling')
    show(now)
    if (now.unsynced + now.unsettled === 0) return true
    if (Date.now() > options.deadlineMs) return false
    await new Promise((resolve) => setTimeout(resolve, SETTLE_EVERY_MS))
  }
  return false
}

/** Wallets whose holders are asked about payments. */
const claimedFrom = (devices: Fleet['devices']): readonly string[] => [
  ...new Set(
    devices.flatMap(({ unsettled }) =>
      unsettled.flatMap(({ status, sender }) => (status === 'claimed' ? [sender] : [])),
    ),
  ),
]

/** A device that cannot tell is not done. */
const unsyncedOf = ({ sdk }: Fleet['devices'][number]): number =>
  sdk.state.unsynced === 'unknown' ? 1 : sdk.state.unsynced

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
