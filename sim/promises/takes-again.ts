import { OfflineError } from '../../src/device/sdk/index.ts'
import type { SimDevice } from '../people/device.ts'
import { customerOf } from '../people/market.ts'
import { publish } from '../people/new-policy.ts'
import type { World } from '../world.ts'
import { newestPolicy } from './policies.ts'

const AMOUNT = 100
/** Rules under which everybody may take a small payment, whatever a day has seen. */
const GENEROUS = {
  enabled: true,
  max_offline_amount: 100_000,
  max_offline_per_device_per_day: 10_000,
  max_offline_value_per_device_per_day: 100_000_000,
  max_offline_value_between_syncs: 100_000_000,
  max_bundle_age_hours: 72,
  max_relay_hours: 24,
  max_clock_skew_minutes: 30,
}

/**
 * Liveness of taking: when nothing fails any more, each device that is in use takes a payment again, and like all that was told
 * it is then booked and seen by everybody.
 */
export class TakesAgain {
  readonly #world: World
  /** Devices that have not taken their payment yet. */
  readonly #waiting: Set<SimDevice>

  constructor(world: World) {
    this.#world = world
    this.#waiting = new Set(world.devices)
  }

  async allow(): Promise<void> {
    const { office, edge } = this.#world
    for (const country of ['SN', 'BJ']) await publish(office, newestPolicy(edge, country), GENEROUS)
  }

  /** Each device that has not yet done so takes its payment, if it can by now. @returns what is left to do, in sentences */
  async ask(): Promise<string[]> {
    const left: string[] = []
    for (const device of [...this.#waiting]) {
      const why = isOut(this.#world, device) ? undefined : await refusal(device)
      if (why === undefined) this.#waiting.delete(device)
      // One that took it just now has not sent it yet.
      left.push(`${device.id} ${why === undefined ? 'has only just taken' : `does not take (${why})`} its last payment`)
    }
    return left
  }
}

/**
 * Out of use for good, also when nobody heard that it is; proven to have told two stories; or set back behind what the edge
 * has, and waiting for people.
 */
const isOut = ({ edge }: World, { id, isCopied, isInConflict }: SimDevice): boolean =>
  isCopied ||
  isInConflict ||
  edge.objects.read(id, "SELECT 1 FROM device WHERE status = 'revoked'").length > 0 ||
  edge.objects.read(id, 'SELECT 1 FROM evidence').length > 0

/** Takes a small payment out of the owner's own wallet. @returns why it was not taken */
async function refusal(device: SimDevice): Promise<string | undefined> {
  const { isDoubtful, facts } = device
  const terms = { type: 'p2p', amount: AMOUNT, currency: 'XOF', sender: facts.wallet, receiver: customerOf(0) } as const
  try {
    const { localId } = await device.sdk.createOfflineTransaction(terms)
    device.note(localId, terms, isDoubtful)
    return undefined
  } catch (error) {
    if (!(error instanceof OfflineError) || error.money !== 'not_taken') throw error
    return error.reason ?? error.message
  }
}
