import { expect } from 'vitest'
import { concatBytes, fromHex } from '../../../src/protocol/bytes.ts'
import { type CborValue, encodeCbor } from '../../../src/protocol/cbor.ts'
import { PROBLEMS, type ProblemCode } from '../../../src/protocol/problems.ts'
import { dumpObject, dumpReadModel } from '../../durable-objects/device/kit.ts'
import { bindings } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'

/** Where a field stands in a bundle's protected header. */
const CLAIMS = ['iss', 'iat', 'cti', 'v', 'seq', 'prev', 'nonce', 'relay'] as const
export type Field = 'alg' | 'kid' | (typeof CLAIMS)[number]
const LABELS: Record<Field, number | string> = {
  ...{ alg: 1, kid: 4, iss: 1, iat: 6, cti: 7 },
  ...{ v: 'v', seq: 'seq', prev: 'prev', nonce: 'nonce', relay: 'relay' },
}

/** Fields of a header as their CBOR, so that any bytes can stand in for one. */
export type Encoded = ReadonlyMap<Field, Uint8Array>

/** The header that these fields make, with its keys where deterministic CBOR has them. */
export function headerOf(fields: Encoded): Uint8Array {
  const pairs = (names: readonly Field[]) =>
    names.flatMap((name) => {
      const value = fields.get(name)
      return value === undefined ? [] : [[encodeCbor(LABELS[name]), value] as const]
    })
  const map = (entries: readonly (readonly [Uint8Array, Uint8Array])[]) =>
    concatBytes(Uint8Array.of(0xa0 + entries.length), ...entries.toSorted(byKey).flat())
  const claims = map(pairs(CLAIMS))
  return map([...pairs(['alg', 'kid']), [encodeCbor(15), claims]])
}

/** RFC 8949 §4.2.1: bytewise order of the encoded keys. */
function byKey([a]: readonly [Uint8Array, Uint8Array], [b]: readonly [Uint8Array, Uint8Array]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0)
  return a.length - b.length
}

export function fieldsOf(header: {
  alg: number
  kid: Uint8Array
  deviceId: string
  signedAtMs: number
  bundleId: Uint8Array
  seq: number
  prev: Uint8Array
  nonce: Uint8Array
}): Map<Field, Uint8Array> {
  const values: [Field, CborValue][] = [
    ['alg', header.alg],
    ['kid', header.kid],
    ['iss', header.deviceId],
    ['iat', Math.floor(header.signedAtMs / 1000)],
    ['cti', header.bundleId],
    ['v', 1],
    ['seq', header.seq],
    ['prev', header.prev],
    ['nonce', header.nonce],
  ]
  return new Map(values.map(([name, value]) => [name, encodeCbor(value)]))
}

/** What is sealed, with any bytes in the place of one of its values. */
export function payloadWith(place: 'amount' | 'base_time', hex: string): Uint8Array {
  const now = encodeCbor(Math.floor(Date.now() / 1000))
  const [base, amount] = place === 'amount' ? [now, fromHex(hex)] : [fromHex(hex), encodeCbor(2500)]
  const payment = concatBytes(Uint8Array.of(0x85), encodeCbor(1), amount, fromHex('000100'))
  const head = [encodeCbor(1), base, encodeCbor('XOF'), encodeCbor(['W-A', 'W-B'])]
  return concatBytes(Uint8Array.of(0x85), ...head, Uint8Array.of(0x81), payment)
}

/** Every entry must be answered with its 4xx, and leave everything as it was. */
export async function everyOne<T>(
  entries: readonly T[],
  devices: readonly Pick<TestDevice, 'id'>[],
  ask: (entry: T) => Promise<readonly [what: string, response: Response, codes: readonly ProblemCode[]]>,
): Promise<void> {
  const before = await dumpAll(devices)
  const wrong: string[] = []
  for (const entry of entries) {
    const [what, response, codes] = await ask(entry)
    const text = await response.text()
    const code = codes.find((one) => text.includes(`"code":"${one}"`))
    const isProblem = response.headers.get('content-type') === 'application/problem+json'
    if (code === undefined || response.status !== PROBLEMS[code].status || !isProblem || response.status >= 500) {
      wrong.push(`${what}: ${response.status} ${text.slice(0, 300)}`)
    }
  }
  expect(wrong).toEqual([])
  expect(await dumpAll(devices)).toEqual(before)
}

async function dumpAll(devices: readonly Pick<TestDevice, 'id'>[]): Promise<string[]> {
  const more = ['offline_enrolment_codes', 'offline_idempotency_keys']
  const rest = await bindings.DB.batch(more.map((table) => bindings.DB.prepare(`SELECT * FROM ${table}`)))
  const tables = JSON.stringify(rest.map(({ results }) => results))
  return [...(await Promise.all(devices.map(dumpObject))), await dumpReadModel(), tables]
}
