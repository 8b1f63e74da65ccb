import { generateKeyPairSync } from 'node:crypto'
import { round } from '../edge/stats.ts'
import { type Payers, takings } from './payments.ts'
import { plainForm } from './plain-form.ts'
import { bytes, type Row } from './report.ts'
import { bundleOf } from './wire.ts'

/** Bytes of a bundle, whose length depends on nothing but the payments. Request headers are not in it. */
export const WIRE_TARGETS = {
  one: 340,
  eachOfTen: 65,
  eachOfFifty: 36,
  eachOfFiftyByOne: 22,
  timesBelowPlain: 15,
} as const

export interface WireSizes {
  readonly one: number
  /** Of a device that was restarted since it was last in contact: it has no evidence about its clock. */
  readonly oneWithoutEvidence: number
  readonly ten: number
  readonly fifty: number
  readonly fiftyByOne: number
  readonly plainFifty: number
}

export async function wireSizes(): Promise<WireSizes> {
  const size = async (count: number, payers: Payers, evidence = true) =>
    (await bundleOf(takings(count, payers), evidence)).length
  const recipient = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  return {
    one: await size(1, 'different'),
    oneWithoutEvidence: await size(1, 'different', false),
    ten: await size(10, 'different'),
    fifty: await size(50, 'different'),
    fiftyByOne: await size(50, 'one'),
    plainFifty: plainForm(takings(50, 'different'), { recipient, signer }).length,
  }
}

export async function measureBytes(): Promise<readonly Row[]> {
  const { one, oneWithoutEvidence, ten, fifty, fiftyByOne, plainFifty } = await wireSizes()
  const each = (figure: string, wholeBytes: number, count: number, target: number): Row => {
    const eachBytes = wholeBytes / count
    return {
      figure,
      target: `≤ ${target} B each`,
      value: `${round(eachBytes, 1)} B each`,
      met: eachBytes <= target,
      beside: bytes(wholeBytes),
      numbers: { eachBytes, wholeBytes },
    }
  }
  const times = plainFifty / fifty
  return [
    {
      figure: 'bundle of 1 payment',
      target: `≤ ${WIRE_TARGETS.one} B`,
      value: `${one} B`,
      met: one <= WIRE_TARGETS.one,
      beside: `${oneWithoutEvidence} B without the clock’s evidence, which a restarted device does not have`,
      numbers: { oneBytes: one, oneWithoutEvidenceBytes: oneWithoutEvidence },
    },
    each('bundle of 10 payments, every sender different', ten, 10, WIRE_TARGETS.eachOfTen),
    each('bundle of 50 payments, every sender different', fifty, 50, WIRE_TARGETS.eachOfFifty),
    each('bundle of 50 payments by one payer', fiftyByOne, 50, WIRE_TARGETS.eachOfFiftyByOne),
    {
      figure: '50 payments in the plain form, by the bundle',
      target: `≥ ${WIRE_TARGETS.timesBelowPlain}`,
      value: `${round(times, 2)} ×`,
      met: times >= WIRE_TARGETS.timesBelowPlain,
      beside: `${bytes(plainFifty)} against ${bytes(fifty)}`,
      numbers: { ratio: times, plainBytes: plainFifty, bundleBytes: fifty },
    },
  ]
}
