import type { BookedAllowance, BookedPayment, BookedSpending } from '../book-view.ts'
import type { World } from '../world.ts'
import { isStopped, stopsOf } from './consent-words.ts'

/** Fails for want of money, or of its payer's word: what is covered does neither. */
const BROKEN_WORD = new Set(['allowance_shortfall', 'insufficient_funds', 'payer_not_proven'])
const LIVE = new Set(['open', 'closing'])
const MOVED = new Set(['succeeded', 'reversed'])

/** What is held for phones is there for what they sign, once, and for nothing else; and who contradicts himself is convicted, and nobody else. */
export async function allowancesAreKept(
  world: World,
  booked: ReadonlyMap<string, BookedPayment>,
): Promise<readonly string[]> {
  const [allowances, spending] = [await world.book.allowances(), await world.book.spending()]
  const under = Map.groupBy(spending, nameOf)
  return [
    ...allowances.flatMap((one) => sumsHold(one, under.get(nameOf(one)) ?? [])),
    ...allowances.flatMap((one) => contradictionsConvict(world, one, under.get(nameOf(one)) ?? [])),
    ...coveredIsPaid(world, booked),
    ...honestIsCovered(world, spending, booked),
    ...stolenPhonesSpendWhatWasHeld(world, allowances, under, booked),
  ]
}

const nameOf = ({ phoneId, no }: Pick<BookedAllowance, 'phoneId' | 'no'>) => `${phoneId} ${no}`

function sumsHold(one: BookedAllowance, spending: readonly BookedSpending[]): string[] {
  const { ceiling, consumed, returned, held, state } = one
  const what = `allowance ${one.no} of ${one.phoneId}`
  const wrong: string[] = []
  if (ceiling !== consumed + returned + held || Math.min(consumed, returned, held) < 0) {
    wrong.push(`${what} is of ${ceiling} F: ${consumed} F consumed, ${returned} F returned, ${held} F held`)
  }
  const covered = spending.reduce((sum, row) => sum + row.covered, 0)
  if (covered !== consumed) wrong.push(`${what} gave ${consumed} F, and its payments had ${covered} F of it`)
  if (!LIVE.has(state) && held !== 0) {
    wrong.push(`${what} is ${state}, and ${held} F are held`)
  }
  if (state === 'closed' && new Set(spending.map(({ n }) => n)).size < (one.statedN ?? 0)) {
    wrong.push(`${what} is closed, and of ${one.statedN} payments ${spending.length} have come`)
  }
  return wrong
}

/** A till was told that it is covered. */
function coveredIsPaid({ covered, devices }: World, booked: ReadonlyMap<string, BookedPayment>): string[] {
  return [...covered].flatMap(([localId, { phone, no }]) => {
    const row = booked.get(localId)
    const told = devices.find(({ id }) => localId.startsWith(`${id}/`))?.told.get(localId)
    // Its number may be another payment's.
    if (row === undefined || told === undefined || told.isDoubtful || told.isGone) return []
    if (phone.allowances.get(no)?.isFalse !== false || !BROKEN_WORD.has(row.reason ?? '')) return []
    return [`${localId} was covered by ${phone.deviceId}, and is ${row.status} (${row.reason})`]
  })
}

/** What is held for an honest phone pays all that it signs, and nothing else of the wallet does. */
function honestIsCovered(
  { phones }: World,
  spending: readonly BookedSpending[],
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  return spending.flatMap(({ localId, phoneId, no, amount, covered }) => {
    const phone = [...phones.values()].find(({ deviceId }) => deviceId === phoneId)
    const isHonest = phone?.allowances.get(no)?.isFalse === false
    const isPaid = MOVED.has(booked.get(localId)?.status ?? '')
    return isHonest && isPaid && covered !== amount
      ? [`${localId} of ${amount} F had ${covered} F of what is held for ${phoneId}`]
      : []
  })
}

function contradictionsConvict(
  { edge, phones }: World,
  one: BookedAllowance,
  spending: readonly BookedSpending[],
): string[] {
  const { phoneId, no, isConvicted, statedN, statedSpent, ceiling } = one
  const what = `${phoneId} under allowance ${no}`
  const phone = [...phones.values()].find(({ deviceId }) => deviceId === phoneId)
  if (isConvicted && phone?.allowances.get(no)?.isFalse !== true) return [`${what} is honest, and is convicted`]
  const rows = spending.toSorted((a, b) => a.n - b.n)
  const isFalse = rows.some((row, i) => {
    const before = i === 0 ? { n: 0, spent: 0 } : rows[i - 1]
    const isBeyond = row.spent > ceiling || (statedN !== null && (row.n > statedN || row.spent > (statedSpent ?? 0)))
    if (before === undefined || isBeyond || row.n === before.n) return true
    return row.n === before.n + 1 ? row.spent !== before.spent + row.amount : row.spent < before.spent + row.amount
  })
  if (isFalse && !isConvicted) return [`${what} contradicts itself, and is not convicted`]
  if (!isConvicted) return []
  const sql = "SELECT 1 FROM escalations WHERE kind = 'allowance_misused' AND seq >= ?"
  if (edge.objects.read(phoneId, sql, no).length === 0)
    return [`${what} is convicted, and nobody is asked to look at it`]
  const last = stopsOf(edge, phoneId).at(-1)?.action
  return last === undefined || (last !== 'device_active' && !isStopped(edge, phoneId))
    ? [`${what} is convicted, and was never stopped`]
    : []
}

/** Taken with a phone after the book had heard that it was stopped. */
function stolenPhonesSpendWhatWasHeld(
  { stolen }: World,
  allowances: readonly BookedAllowance[],
  under: ReadonlyMap<string, readonly BookedSpending[]>,
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  return allowances.flatMap((one) => {
    const name = nameOf(one)
    const taken = (under.get(name) ?? []).filter(({ localId }) => stolen.has(localId))
    const moved = taken.filter(({ localId }) => MOVED.has(booked.get(localId)?.status ?? ''))
    const sum = moved.reduce((minor, { amount }) => minor + amount, 0)
    return sum > one.ceiling ? [`${sum} F were paid with stolen ${name}, and ${one.ceiling} F were held for it`] : []
  })
}
