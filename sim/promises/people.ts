import { isPayment } from '../../src/protocol/payment.ts'
import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import { type AdmittedDevice, firstEntries, saidOf } from './admitted.ts'
import type { PolicyRow } from './policies.ts'

interface Decision {
  readonly kind: 'review' | 'reversal'
  readonly choice: string
  readonly actors: readonly string[]
}

/**
 * What people decide: two different ones above an amount, once about a payment, and what they say is what comes of it. What a
 * receipt keeps for them does not move without them; what was reversed they reversed.
 */
export function peopleDecide(
  { edge }: World,
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
  policies: ReadonlyMap<string, PolicyRow>,
): string[] {
  const twoAbove = Math.max(...[...policies.values()].map((policy) => policy.review_two_people_above))
  return devices.flatMap(({ id, bundles }) => {
    const decisions = decisionsOf(edge.objects.read(id, 'SELECT kind, choices, actors FROM resolutions ORDER BY rev'))
    return [...firstEntries(bundles)].flatMap(([counter, [entry, { receipt }]]) => {
      const localId = `${id}/${counter}`
      const row = booked.get(localId)
      if (!isPayment(entry) || row === undefined) return []
      const all = decisions.get(counter) ?? []
      return [...votedWrongly(all, entry.amount > twoAbove), ...cameOfIt(row, all, saidOf(receipt, counter))].map(
        (what) => `${localId} (${entry.amount} F) ${what}`,
      )
    })
  })
}

function decisionsOf(rows: readonly Readonly<Record<string, unknown>>[]): ReadonlyMap<number, readonly Decision[]> {
  const decisions = new Map<number, Decision[]>()
  for (const { kind, choices, actors } of rows) {
    for (const [counter, choice] of JSON.parse(String(choices)) as readonly (readonly [number, string])[]) {
      const known = decisions.get(counter) ?? []
      known.push({ kind: kind as Decision['kind'], choice, actors: JSON.parse(String(actors)) as string[] })
      decisions.set(counter, known)
    }
  }
  return decisions
}

function votedWrongly(decisions: readonly Decision[], needsTwo: boolean): readonly string[] {
  const wrong: string[] = []
  for (const { kind, choice, actors } of decisions) {
    // Waiting that ends takes nobody's money: no vote is needed.
    if (choice === 'expire' || choice === 'revoke') continue
    if (new Set(actors).size < actors.length) wrong.push(`has a ${kind} by ${actors.join(' and ')}`)
    if (needsTwo && new Set(actors).size < 2) wrong.push(`has a ${kind} by ${actors.join()} alone`)
  }
  for (const kind of ['review', 'reversal'] as const) {
    const times = decisions.filter((one) => one.kind === kind).length
    // The book may ask people about what the edge let pass, and they may have been asked by the edge before.
    if (times > (kind === 'review' ? 2 : 1)) wrong.push(`was decided about ${times} times (${kind})`)
  }
  return wrong
}

function cameOfIt(
  { status, reason }: BookedPayment,
  decisions: readonly Decision[],
  said: { readonly decision: string; readonly reason: string },
): readonly string[] {
  const came = reason ? `${status} (${reason})` : status
  const moved = status === 'succeeded' || status === 'reversed'
  const approved = decisions.some(({ kind, choice }) => kind === 'review' && choice === 'approve')
  const reviewed = decisions.some(({ kind }) => kind === 'review')
  const reversed = decisions.some(({ kind }) => kind === 'reversal')
  const wrong: string[] = []
  if (said.decision === 'refused') {
    const right = `refused (${said.reason})`
    if (came !== right) wrong.push(`is ${right} by its receipt, and ${came} in the book`)
  } else if (status === 'refused') wrong.push(`is ${said.decision} by its receipt, and ${came} in the book`)
  const isKept = said.decision === 'review' || said.decision === 'quarantined'
  if (isKept && moved && !approved) wrong.push(`is kept for people by its receipt, and ${came} without them`)
  if (isKept && reviewed && (status === 'review' || status === 'quarantined'))
    wrong.push(`was decided, and still waits`)
  if (reviewed && !approved && moved) wrong.push(`was rejected, and is ${came}`)
  if (status === 'reversed' && !reversed) wrong.push('is reversed, and nobody said so')
  return wrong
}
