import type pg from 'pg'
import { type TrustedKey, verifySign1 } from '../../src/crypto/sign1.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import type { Sign1, SignedKind } from '../../src/protocol/cose.ts'
import type { HolderMessage } from '../../src/protocol/messages.ts'
import { parse } from '../../src/protocol/parse.ts'
import type { PayerHeader } from '../../src/protocol/payer-header.ts'
import { err, ok, type Result } from '../../src/protocol/result.ts'
import { type AuditRecord, record } from '../audit.ts'
import { transact } from '../db.ts'
import type { Alarm, NotBelieved } from '../not-believed.ts'
import { lockPending, markDone } from '../pull/inbox.ts'
import { lockDevices } from '../registry/lock-devices.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { hadConsent, standingOf } from '../registry/standing.ts'

/**
 * What a wallet's holder has signed with a device of the wallet: an answer to a claim (claim-answers.ts), a mandate (mandates.ts), an order
 * about an allowance (allowance-orders.ts).
 * The edge has signed that it took the word; whose word it is this side finds out itself, by its own registry:
 *
 *   inbox: read → lock the device → signature → standing, by the facts that the edge had → kept, and the inbox row done
 *   used:  row → the signed bytes are opened again → they say what the row says, and a device of the holder signed them
 *
 * What is nobody's word is kept, and counts for nothing. A row that its device has not signed is an alarm, and holds up nothing.
 */
interface WordSignature<Signed extends SignedWord> {
  readonly aad: SignedKind
  /** Nothing of it is verified. @throws MalformedCbor */
  readonly parse: (encoded: Uint8Array) => Signed
  /** The wallet that the word names itself. One without speaks for the wallet of its device's owner. */
  readonly walletIn?: (signed: Signed) => string
}

/** A kind of word as it comes and is kept. */
export interface WordKind<Message extends WordMessage, Signed extends SignedWord> extends WordSignature<Signed> {
  readonly name: Message['kind']
  /** Where words of the kind are kept, and which column has the signed bytes. */
  readonly table: string
  readonly column: string
  readonly faults: { readonly malformed: WordFault; readonly conflict: WordFault }
  readonly signedIn: (message: Message) => Uint8Array
  /** Another device that the word is about. It is locked as well: of the word and what the edge says of that device one comes first. */
  readonly aboutIn?: (signed: Signed) => string
  /** @returns the record of it; undefined when the device has a word with this number already */
  readonly insert: (
    client: pg.ClientBase,
    message: Message,
    signed: Signed,
    taken: TakenWord,
  ) => Promise<AuditRecord | undefined>
}

/** How a word is taken as it is kept. */
export interface TakenWord {
  /** By a device that speaks for the holder now. */
  readonly isHolders: boolean
  /** Keys of the edge. */
  readonly trusted: readonly TrustedKey[]
  readonly at: Date
}

/** A kind of word as it is used, and its evidence looked at. */
export interface WordRows<Signed extends SignedWord, Row extends WordRow> extends WordSignature<Signed> {
  readonly signedOf: (row: Row) => Uint8Array
  readonly walletOf: (row: Row) => string
  /** Whether the word says what the row does, but for device and wallet. */
  readonly says: (signed: Signed, row: Row) => boolean
}

export type WordMessage = HolderMessage

export interface SignedWord extends Sign1 {
  /** Who signed it. */
  readonly claims: PayerHeader
}

export interface WordRow {
  readonly payer_device_id: string
  readonly rev: number
}

export type WordFault =
  | SignatureFault
  | 'wrong_device'
  | 'malformed_answer'
  | 'answer_conflict'
  | 'malformed_mandate'
  | 'mandate_conflict'
  | 'malformed_order'
  | 'order_conflict'

/** `unknown_device`: not known yet, or not as the edge had it. The device's facts come on the same queue, in any order. */
type SignatureFault = 'unknown_device' | 'wrong_wallet' | 'invalid_signature'

/** @returns why nobody may obey it, or undefined when it is recorded */
export async function recordWord<Message extends WordMessage, Signed extends SignedWord>(
  pool: pg.Pool,
  inboxId: number,
  kind: WordKind<Message, Signed>,
  message: Message,
  trusted: readonly TrustedKey[],
  at: Date,
): Promise<WordFault | undefined> {
  const read = readWord(kind, message)
  if (!read.ok) return read.error
  const signed = read.value
  return transact(pool, async (client) => {
    if (!(await lockPending(client, [inboxId])).has(inboxId)) return undefined
    await lockDevices(client, [message.deviceId, ...(kind.aboutIn ? [kind.aboutIn(signed)] : [])])
    const registry = await loadDevices(client, [message.deviceId])
    const fault = await faultOfWord(kind, signed, registry)
    if (fault !== undefined) return fault
    const standing = standingOf(registry, { ...message, kid: signed.claims.kid }, at.getTime())
    if (standing === 'awaited') return 'unknown_device'
    const inserted = await kind.insert(client, message, signed, { isHolders: standing === 'holder', trusted, at })
    if (inserted !== undefined) await record(client, [inserted], at)
    else if (!(await isKept(client, kind, message))) return kind.faults.conflict
    await markDone(client, [inboxId], at)
    return undefined
  })
}

/** What the message brings. Nothing of it is verified but that the device's own name stands in it. */
export function readWord<Message extends WordMessage, Signed extends SignedWord>(
  { signedIn, parse: read, faults }: Pick<WordKind<Message, Signed>, 'signedIn' | 'parse' | 'faults'>,
  message: Message,
): Result<Signed, WordFault> {
  const parsed = parse(() => read(signedIn(message)))
  if (!parsed.ok) return err(faults.malformed)
  return parsed.value.claims.deviceId === message.deviceId ? ok(parsed.value) : err('wrong_device')
}

/** @returns why it is not signed by the device that it names, about the wallet of that device's owner */
export async function faultOfWord<Signed extends SignedWord>(
  { aad, walletIn }: WordSignature<Signed>,
  signed: Signed,
  registry: Registry,
): Promise<SignatureFault | undefined> {
  const { deviceId, kid, alg } = signed.claims
  const device = registry.get(deviceId)
  const key = device?.keys.get(toHex(kid))
  if (key === undefined) return 'unknown_device'
  if (walletIn !== undefined && walletIn(signed) !== device?.ownerWallet) return 'wrong_wallet'
  const holds = key.alg === alg && (await verifySign1(key.verifier, signed, aad))
  return holds ? undefined : 'invalid_signature'
}

/** Whether a device that there was consent for has signed these bytes, and they say so. */
export async function isHoldersWord<Signed extends SignedWord>(
  kind: WordSignature<Signed>,
  encoded: Uint8Array,
  registry: Registry,
  saysSo: (signed: Signed) => boolean,
): Promise<boolean> {
  const parsed = parse(() => kind.parse(encoded))
  if (!parsed.ok || !saysSo(parsed.value)) return false
  const { deviceId, kid } = parsed.value.claims
  return hadConsent(registry.get(deviceId), kid) && (await faultOfWord(kind, parsed.value, registry)) === undefined
}

/** Whether a device of the wallet has signed what the row says: whoever may write rows must not be able to give a holder's word. */
export function isSignedRow<Signed extends SignedWord, Row extends WordRow>(
  kind: WordRows<Signed, Row>,
  row: Row,
  registry: Registry,
): Promise<boolean> {
  return isHoldersWord(kind, kind.signedOf(row), registry, (signed) => {
    const { deviceId } = signed.claims
    const isOfWallet = registry.get(deviceId)?.ownerWallet === kind.walletOf(row)
    return deviceId === row.payer_device_id && isOfWallet && kind.says(signed, row)
  })
}

/** Tells rows that devices of their wallets have signed from those that nobody has. @returns with the registry that says so */
export async function judgeRows<Signed extends SignedWord, Kept extends WordRow, Row extends Kept>(
  client: pg.ClientBase,
  kind: WordRows<Signed, Kept>,
  rows: readonly Row[],
): Promise<{ readonly registry: Registry; readonly signed: readonly Row[]; readonly unsigned: readonly Row[] }> {
  const deviceIds = rows.map(({ payer_device_id }) => payer_device_id)
  const registry = rows.length === 0 ? new Map() : await loadDevices(client, deviceIds)
  const [signed, unsigned]: [Row[], Row[]] = [[], []]
  for (const row of rows) {
    const isSigned = await isSignedRow(kind, row, registry)
    ;(isSigned ? signed : unsigned).push(row)
  }
  return { registry, signed, unsigned }
}

/** People are told of rows that nobody has signed. */
export function notBelieved(name: NotBelieved, rows: readonly WordRow[], alarm: Alarm): void {
  for (const { payer_device_id: deviceId, rev } of rows) alarm(name, { deviceId, rev })
}

/** Whether the device's word with this number is this one. */
async function isKept<Message extends WordMessage>(
  client: pg.ClientBase,
  { table, column, signedIn }: Pick<WordKind<Message, never>, 'table' | 'column' | 'signedIn'>,
  message: Message,
): Promise<boolean> {
  const { rows } = await client.query<{ signed: Uint8Array }>(
    `SELECT ${column} AS signed FROM ${table} WHERE payer_device_id = $1 AND rev = $2`,
    [message.deviceId, message.rev],
  )
  return rows[0] !== undefined && equalBytes(new Uint8Array(rows[0].signed), signedIn(message))
}
