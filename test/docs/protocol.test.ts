import { describe, expect, it } from 'vitest'
import { ROW_BYTES } from '../../durable-objects/device/room.ts'
import { RATE_POLICIES } from '../../src/edge/ingest/rate-policy.ts'
import * as limits from '../../src/protocol/limits.ts'
import { PAYMENT_METHODS, PAYMENT_TYPES } from '../../src/protocol/payment.ts'
import { isProblemCode, PROBLEMS, type ProblemCode } from '../../src/protocol/problems.ts'
import { BUNDLE_STATUSES, DECISIONS, isFinal, PAYMENT_STATUSES, REASONS } from '../../src/protocol/states.ts'
import { read } from './sources.ts'

/** Lists and numbers of docs/protocol.md, held against the code: a client is written from the document alone. */
const document = read('docs/protocol.md')
const section = (number: string) =>
  document.split(new RegExp(`^#{2,3} ${number.replace('.', '\\.')}\\.? `, 'm'))[1]?.split(/^#{2,3} \d/m)[0] ?? ''
/** Prose, however its lines are broken. */
const said = (number: string) => section(number).replaceAll(/\s+/g, ' ')
const rows = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
/** 5 000 000 */
const grouped = (value: number) => String(value).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
const names = (text: string) => [...text.matchAll(/`([a-z_]+)`/g)].map(([, name = '']) => name)

describe('states and reasons', () => {
  it.each([
    ['BundleStatus', '6.2', BUNDLE_STATUSES],
    ['Decision', '6.2', DECISIONS],
    ['PaymentStatus', '6.3', PAYMENT_STATUSES],
  ])('%s has the numbers of the wire', (name, where, values) => {
    const [, count, list] = new RegExp(`^${name} += 0\\.\\.(\\d+) +; (.+)$`, 'm').exec(section(where)) ?? []
    expect(list?.split(', ')).toEqual([...values])
    expect(Number(count)).toBe(values.length - 1)
  })

  it('every reason is explained, and no other', () => {
    const explained = rows(section('6.4')).flatMap((cells) => names(cells[1] ?? ''))
    expect([...new Set(explained)].sort()).toEqual([...REASONS].sort())
  })

  it('the final states are those after which a device may stop asking', () => {
    const [, final = ''] = /\*\*([^*]+) are final\*\*/.exec(said('6.4')) ?? []
    expect(names(final).sort()).toEqual(PAYMENT_STATUSES.filter(isFinal).sort())
  })

  it('types and methods have the numbers of the wire', () => {
    const numbered = (values: readonly string[]) => values.map((value, index) => `${index} ${value}`).join(', ')
    expect(section('4.1')).toContain(`type: ${numbered(PAYMENT_TYPES)}`)
    expect(section('4.1')).toContain(`method: ${numbered(PAYMENT_METHODS)}`)
  })
})

describe('refusals', () => {
  /** What only people and their tools are answered. */
  const PEOPLES: readonly ProblemCode[] = [
    ...(['device_exists', 'idempotency_conflict', 'version_conflict'] as const),
    ...(['already_voted', 'registrar_cannot_vote', 'too_late_to_reverse', 'contradictory_policy'] as const),
  ]
  /** A row's codes with the status before them and what its last cell says. */
  const told = [...rows(section('7.1')), ...rows(section('7.4'))].flatMap((cells) => {
    const at = cells.findIndex((cell) => /^\d{3} `/.test(cell))
    const next = cells.at(-2) ?? ''
    let status = 0
    return [...(cells[at] ?? '').matchAll(/(\d{3}) |`([a-z_]+)`/g)].flatMap(([, number, code]) => {
      if (number !== undefined) status = Number(number)
      return code !== undefined && isProblemCode(code) ? [{ code, status, next }] : []
    })
  })

  it('every code that a device may get stands in a table', () => {
    const expected = (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => !PEOPLES.includes(code))
    expect([...new Set(told.map(({ code }) => code))].sort()).toEqual(expected.sort())
  })

  it.each(told)('$code is $status, next $next', ({ code, status, next }) => {
    expect({ status, next }).toEqual({ status: PROBLEMS[code].status, next: PROBLEMS[code].next })
  })

  it('every next is explained', () => {
    const explained = rows(section('7.3')).flatMap((cells) => names(cells[1] ?? ''))
    expect(explained.sort()).toEqual([...new Set(Object.values(PROBLEMS).map(({ next }) => next))].sort())
  })
})

describe('bounds', () => {
  it.each([
    ['bundle', `${limits.BUNDLE_BYTES_MAX / 1024} KiB`],
    ['payments in a bundle', `${limits.PAYMENTS_PER_BUNDLE_MAX}`],
    ['nesting', `${limits.CBOR_DEPTH_MAX}`],
    ['wallet or merchant id', `1–${limits.PARTY_CHARS_MAX} `],
    ['approval', `${limits.APPROVAL_BYTES_MAX} bytes`],
    ['meta of a payment', `${limits.META_BYTES_MAX / 1024} KiB encoded`],
    ['authorization', `${limits.AUTHORIZATION_BYTES_MAX} bytes`],
    ['pass', `${limits.PASS_BYTES_MAX} bytes`],
    ['request', `${limits.PAYMENT_REQUEST_BYTES_MAX} bytes`],
  ])('%s: %s', (what, value) => {
    const row = rows(section('2')).find((cells) => cells[1] === what)
    expect(row?.[2]?.startsWith(value.trim())).toBe(true)
  })

  it('what one notice holds, and what is remembered of gaps', () => {
    expect(said('6.3')).toContain(`lowest first, ${limits.MISSING_PER_NOTICE_MAX} at the most`)
    const full = limits.OUTCOMES_PER_NOTICE_MAX
    expect(said('6.3')).toContain(`up to ${full}, whole bundles at a time`)
    expect(said('6.3')).toContain(`more than ${full - limits.PAYMENTS_PER_BUNDLE_MAX} asks again`)
    expect(said('8.3')).toContain(`up to ${limits.COUNTER_RANGES_MAX} runs`)
  })

  it('the rate', () => {
    const { device, address, storage } = RATE_POLICIES
    expect(said('7.5')).toContain(`${device.quota} pushes a minute`)
    expect(device.windowS).toBe(60)
    expect(said('7.5')).toContain(`${address.quota} requests in ${address.windowS} s`)
    expect(said('7.5')).toContain(`${grouped(storage.quota)} bytes a day in UTC`)
    expect(said('7.5')).toContain(`its own bytes and ${grouped(ROW_BYTES)} more`)
  })
})
