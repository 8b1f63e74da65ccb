import { type Backoff, backoffMs } from '../../reconciler/backoff.ts'
import { faultOf, type Log } from '../../reconciler/log.ts'
import { type DeviceAnswer, type Edge, EdgeRefused } from '../../reconciler/tell/edge.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { claimHeads, markDelivered, postpone, readUndelivered, type Said } from './outbox.ts'
import type { OutboxRow } from './outbox-rows.ts'
import { refusedOf } from './registry.ts'
import type { ModelState } from './state.ts'

/** Outbox → edge: claim the oldest of each device → read what is true now → send → mark. */
export interface TellDeps {
  readonly edge: Edge
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
  /** One change of the state; the process may die on either side of it. */
  readonly commit: <T>(name: string, work: (state: ModelState) => T) => Promise<T>
}

const DEVICES_PER_CALL = 25
const FAILURE: Backoff = { firstMs: 1_000, maxMs: 5 * MINUTE_MS }

/** @returns how many devices were due */
export async function tellOnce(deps: TellDeps): Promise<number> {
  const heads = await deps.commit('claim to tell', (state) => claimHeads(state, deps.clock()))
  const fresh = heads.filter(({ attempts }) => attempts === 1)
  const calls: (readonly OutboxRow[])[] = []
  for (let at = 0; at < fresh.length; at += DEVICES_PER_CALL) calls.push(fresh.slice(at, at + DEVICES_PER_CALL))
  // What failed before goes alone, so that one message the edge cannot take does not hold up other devices.
  for (const head of heads) if (head.attempts > 1) calls.push([head])
  for (const [i, call] of calls.entries()) {
    if (await send(deps, call)) continue
    const left = calls.slice(i + 1).flat()
    const untilMs = deps.clock() + backoffMs(FAILURE, 1, deps.random())
    await deps.commit('give back', (state) => postpone(state, idsOf(left), untilMs, false))
    break
  }
  return heads.length
}

const idsOf = (rows: readonly { readonly id: number }[]): ReadonlySet<number> => new Set(rows.map(({ id }) => id))

/** @returns whether the edge answered, if only with a refusal of this very call */
async function send(deps: TellDeps, heads: readonly OutboxRow[]): Promise<boolean> {
  const devices = new Set(heads.map(({ deviceId }) => deviceId))
  const said = await deps.commit('read what to tell', (state) =>
    readUndelivered(state, devices).map((one) => withRefused(state, one)),
  )
  const confirmations = said.flatMap(({ confirmation }) => confirmation ?? [])
  let answers: ReadonlyMap<string, DeviceAnswer> = new Map()
  let isAnswered = true
  try {
    if (confirmations.length > 0) answers = await deps.edge.confirm(confirmations)
  } catch (error) {
    isAnswered = error instanceof EdgeRefused && error.status < 500 && error.status !== 429
    deps.log.warn({ confirmations: confirmations.length, fault: faultOf(error) }, 'edge not told')
  }
  const isDelivered = ({ confirmation, deviceId }: Said) =>
    confirmation === undefined || answers.get(deviceId) === 'confirmed'
  await deps.commit('told', (state) => settleTold(deps, state, heads, said, said.filter(isDelivered)))
  return isAnswered
}

/** With a device's facts goes which of its consents count for nothing. */
function withRefused(state: ModelState, said: Said): Said {
  const refused = refusedOf(state, said.deviceId)
  if (said.confirmation?.kind !== 'device_recorded' || refused.length === 0) return said
  return { ...said, confirmation: { ...said.confirmation, refused } }
}

function settleTold(
  { clock, random }: TellDeps,
  state: ModelState,
  heads: readonly OutboxRow[],
  said: readonly Said[],
  delivered: readonly Said[],
): void {
  markDelivered(state, delivered, clock())
  const [done, read] = [idsOf(delivered), idsOf(said)]
  // Cut off by the limit of a call: nothing failed, they go with the next one.
  postpone(state, idsOf(heads.filter(({ id }) => !read.has(id))), clock(), false)
  for (const { id, attempts } of heads) {
    if (done.has(id) || !read.has(id)) continue
    postpone(state, new Set([id]), clock() + backoffMs(FAILURE, attempts, random()), true)
  }
}
