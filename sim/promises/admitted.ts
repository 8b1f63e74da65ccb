import { openBundle } from '../../src/crypto/bundle-crypto.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { type Bundle, parseBundle } from '../../src/protocol/bundle.ts'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import { decodeConsent } from '../../src/protocol/consent.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import type { PaymentEntry } from '../../src/protocol/payment.ts'
import { decodeReceipt, type Receipt } from '../../src/protocol/receipt.ts'
import type { World } from '../world.ts'

/** A bundle as its object holds it, opened: the truth that devices, book and read model are held against. */
export interface Admitted {
  readonly bundle: Bundle
  readonly receipt: Receipt
  readonly entries: readonly PaymentEntry[]
  readonly riskScore: number
  /** Every payment has this one at least. */
  readonly sharedScore: number
  /** Names of the rules that speak about its risk. */
  readonly risks: ReadonlySet<string>
}

/** A consent as the object keeps it. */
export interface ConsentLine {
  /** Hex. */
  readonly thumbprint: string
  readonly askedBy: string
  readonly confirmedBy: string
  readonly givenAtMs: number
  readonly untilMs: number
  readonly withdrawnAtMs: number | null
  /** The device whose word it is; people's are without. */
  readonly giver?: { readonly deviceId: string; readonly madeAtMs: number }
  /** When the book said that it does not bear it out. */
  readonly refusedAtMs?: number
  /** Hex, as the edge signed it. */
  readonly signed: string
  /** Of one by a code: when the object heard that the book has accepted it. */
  readonly countsFromMs?: number
}

/** What was entered as a code, in a consent that says so. */
export const codeIn = ({ signed }: Pick<ConsentLine, 'signed'>) =>
  decodeConsent(parseSign1(fromHex(signed)).payload).code

export interface AdmittedDevice {
  readonly id: string
  readonly ownerWallet: string
  readonly tenant: string
  readonly consents: readonly ConsentLine[]
  readonly registeredAtMs: number
  /** In the order in which they came. */
  readonly bundles: readonly Admitted[]
  /** Two came in the same millisecond: then nobody can tell the order. */
  readonly isOrderUnknown: boolean
}

interface RiskReasons {
  readonly shared: number
  readonly reasons: readonly { readonly rule: string }[]
}

/** Reads everything that was ever admitted out of the objects' own storage, and opens it with the edge's keys. */
export async function readAdmitted({ edge, secrets, wrong }: World): Promise<readonly AdmittedDevice[]> {
  const keys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
  const devices: AdmittedDevice[] = []
  for (const id of edge.objects.names) {
    const isThere = edge.objects.read(id, "SELECT 1 FROM sqlite_master WHERE name = 'device'").length > 0
    const [facts] = isThere
      ? edge.objects.read(id, 'SELECT owner_wallet, tenant, consents, registered_at FROM device')
      : []
    if (facts === undefined) continue
    const rows = edge.objects.read(id, 'SELECT bundle, moved, receipt, risk_score, risk_reasons FROM bundles')
    const bundles: Admitted[] = []
    for (const { bundle: kept, moved, receipt, risk_score, risk_reasons } of rows) {
      const encoded = kept ?? edge.bucket.read(`bundles/${toHex(new Uint8Array(moved as ArrayBuffer))}`)
      if (encoded === undefined) {
        wrong.push(`a bundle of ${id} has a receipt, and its bytes are nowhere`)
        continue
      }
      const bundle = parseBundle(new Uint8Array(encoded as ArrayBuffer))
      const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), bundle)
      if (!opened.ok) throw new Error(`a bundle of ${id} was admitted, and does not open: ${opened.error.code}`)
      const risk = JSON.parse(String(risk_reasons)) as RiskReasons
      bundles.push({
        bundle,
        receipt: decodeReceipt(parseSign1(new Uint8Array(receipt as ArrayBuffer)).payload),
        entries: opened.value.entries,
        riskScore: Number(risk_score),
        sharedScore: risk.shared,
        risks: new Set(risk.reasons.map(({ rule }) => rule)),
      })
    }
    bundles.sort((a, b) => a.receipt.receivedAtMs - b.receipt.receivedAtMs)
    devices.push({
      ...{
        id,
        bundles,
        ownerWallet: String(facts['owner_wallet']),
        tenant: String(facts['tenant']),
        consents: consentsOf(edge, id, String(facts['consents'])),
        registeredAtMs: Number(facts['registered_at']),
      },
      isOrderUnknown: new Set(bundles.map(({ receipt }) => receipt.receivedAtMs)).size < bundles.length,
    })
  }
  return devices
}

function consentsOf(edge: World['edge'], id: string, stored: string): readonly ConsentLine[] {
  const given = edge.objects.read(id, "SELECT at, detail FROM audit WHERE action = 'consent_given'").map((row) => {
    const { code } = JSON.parse(String(row['detail'])) as { readonly code?: number }
    return { code, atMs: Number(row['at']) }
  })
  return (JSON.parse(stored) as readonly ConsentLine[]).map((one) => {
    const code = codeIn(one)
    const accepted = code && given.find((record) => record.code === code.no)
    return { ...one, ...(accepted && { countsFromMs: accepted.atMs }) }
  })
}

/** What the first bundle that holds a number says of it: later ones are copies. */
export function firstEntries(bundles: readonly Admitted[]): ReadonlyMap<number, readonly [PaymentEntry, Admitted]> {
  const first = new Map<number, readonly [PaymentEntry, Admitted]>()
  for (const admitted of bundles) {
    for (const entry of admitted.entries) {
      if (!first.has(entry.counter)) first.set(entry.counter, [entry, admitted])
    }
  }
  return first
}

/** What a receipt says of one of its entries: `accepted`, or why not. */
export function saidOf(
  { exceptions }: Receipt,
  counter: number,
): { readonly decision: string; readonly reason: string } {
  const { decision = 'accepted', reason = '' } = exceptions.find((one) => one.counter === counter) ?? {}
  return { decision, reason }
}
