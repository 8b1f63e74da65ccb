import { fromBase64url, toBase64url, utf8 } from '../../../protocol/bytes.ts'
import { localId } from '../../../protocol/ids.ts'
import { encodePayload } from '../../../protocol/payload.ts'
import type { Verdict } from '../../../protocol/rules.ts'
import { type FileCrypto, webCryptoFileCrypto } from '../ports/file-crypto.ts'
import type { DamagedRecord } from '../store/counter-record.ts'
import type { Entry } from '../store/entry.ts'
import type { Journal } from '../store/journal.ts'
import type { LocalDevice } from '../store/local-device.ts'
import { type EncodedOutgoing, encodeOutgoing, type Outgoing } from '../store/outgoing.ts'
import { survey } from './survey.ts'

/** What only this device knows, for people who must rescue it. Bytes are base64url. */
export interface UnsyncedExport {
  readonly format: 'molam-unsynced-v1'
  readonly deviceId: string
  readonly exportedAtMs: number
  /**
   * The last bundle whose admission was verified, and what the next one carries as `prev`. Missing where the device's
   * state could not be read: some of the payments may then have been acknowledged.
   */
  readonly chain?: { readonly seq: number; readonly prev: string }
  /** No counter from here on was used, as far as can be read. */
  readonly nextCounter: number
  /** The bundle in flight: it may have been admitted already. */
  readonly outgoing?: EncodedOutgoing
  readonly payments: readonly ExportedPayment[]
  /** Records that could not be read, as they stand. */
  readonly damaged: readonly DamagedRecord[]
  /** Where the device's state could not be read: every record as it stands, by its key. */
  readonly records?: Readonly<Record<string, string>>
}

export interface ExportedPayment {
  readonly localId: string
  readonly voided: boolean
  /** What the rules said when it was taken. */
  readonly expected?: Verdict
  readonly amount?: number
  readonly currency?: string
  readonly sender?: string
  readonly receiver?: string
  readonly initiatedAtMs?: number
  /** All terms, as a bundle's payload with this one payment. Missing for a void whose payment could not be read. */
  readonly payload?: string
}

/** The file's outside. It is JSON, so that any tool can read it: PBKDF2 or HKDF, then AES-256-GCM with the tag behind. */
interface ExportFile {
  readonly format: 'molam-export-v1'
  readonly kdf: 'PBKDF2-SHA256' | 'HKDF-SHA256'
  /** With PBKDF2. */
  readonly iterations: number
  readonly salt: string
  readonly iv: string
  readonly ciphertext: string
}

/** OWASP's number for PBKDF2-HMAC-SHA256. */
const ITERATIONS = 600_000
/** A file that asks for more would only keep its reader busy. */
const ITERATIONS_MAX = 10_000_000
const SALT_BYTES = 16
const IV_BYTES = 12
const KEY_BYTES = 32
const PASSPHRASE_CHARS_MIN = 8

export async function unsyncedOf(device: LocalDevice): Promise<UnsyncedExport> {
  if (device.hasState) {
    const { state, journal, outgoing } = device
    const chain = { seq: state.seq, prev: toBase64url(state.prev) }
    return contentOf(device, journal, device.unsent, outgoing, { chain })
  }
  const { journal, outgoing, texts } = await survey(device.records)
  return contentOf(device, journal, journal.unsent, outgoing, { records: texts })
}

function contentOf(
  { deviceId, clock }: LocalDevice,
  journal: Journal,
  unsent: readonly Entry[],
  outgoing: Outgoing | undefined,
  rest: Pick<UnsyncedExport, 'chain' | 'records'>,
): UnsyncedExport {
  return {
    format: 'molam-unsynced-v1',
    deviceId,
    exportedAtMs: clock.nowMs(),
    nextCounter: journal.nextCounter,
    ...rest,
    ...(outgoing && { outgoing: encodeOutgoing(outgoing) }),
    payments: unsent.map((entry) => exportedPayment(deviceId, entry)),
    damaged: journal.damaged.filter(({ receipted }) => !receipted),
  }
}

export function exportedPayment(deviceId: string, { counter, voided, payment, expected }: Entry): ExportedPayment {
  const name = { localId: localId(deviceId, counter), voided }
  if (payment === undefined) return name
  const { amount, currency, sender, receiver, initiatedAtMs } = payment
  const payload = toBase64url(encodePayload({ currency, entries: [payment] }))
  return { ...name, expected, amount, currency, sender, receiver, initiatedAtMs, payload }
}

/**
 * Encrypts an export.
 *
 * @param secret a passphrase of at least 8 characters, or a key of 32 bytes
 * @throws RangeError when the secret is shorter
 */
export async function sealExport(
  content: UnsyncedExport,
  secret: string | Uint8Array,
  { fileCrypto, randomBytes }: { fileCrypto: FileCrypto; randomBytes: (length: number) => Uint8Array },
): Promise<Uint8Array> {
  const [salt, iv] = [randomBytes(SALT_BYTES), randomBytes(IV_BYTES)]
  const kdf = typeof secret === 'string' ? 'PBKDF2-SHA256' : 'HKDF-SHA256'
  const outside = {
    format: 'molam-export-v1',
    kdf,
    iterations: ITERATIONS,
    salt: toBase64url(salt),
    iv: toBase64url(iv),
  } as const
  const key = await keyOf(secret, outside, salt, fileCrypto)
  const sealed = await fileCrypto.seal(key, iv, utf8(JSON.stringify(content)), aadOf(outside))
  return utf8(JSON.stringify({ ...outside, ciphertext: toBase64url(sealed) } satisfies ExportFile))
}

/**
 * Opens what `exportUnsynced` wrote: for the people who rescue a device's payments.
 *
 * @param secret the passphrase or key that it was made with
 * @returns undefined when the secret is another one, or the file is none of these or was altered
 *
 * @example
 * const rescued = await openExport(await readFile('POS-001.molam'), passphrase)
 * rescued?.payments.map(({ localId, amount }) => `${localId}: ${amount}`)
 */
export async function openExport(
  file: Uint8Array,
  secret: string | Uint8Array,
  fileCrypto: FileCrypto = webCryptoFileCrypto,
): Promise<UnsyncedExport | undefined> {
  const read = readFile(file)
  if (read === undefined) return undefined
  const { outside, salt, iv, ciphertext } = read
  if ((typeof secret === 'string') !== (outside.kdf === 'PBKDF2-SHA256')) return undefined
  const key = await keyOf(secret, outside, salt, fileCrypto)
  const plain = await fileCrypto.open(key, iv, ciphertext, aadOf(outside))
  return plain && (JSON.parse(new TextDecoder().decode(plain)) as UnsyncedExport)
}

type Outside = Omit<ExportFile, 'ciphertext'>

/** What stands outside cannot be altered either: in the order in which it is written. */
const aadOf = ({ format, kdf, iterations, salt, iv }: Outside): Uint8Array =>
  utf8(JSON.stringify([format, kdf, iterations, salt, iv]))

async function keyOf(
  secret: string | Uint8Array,
  { format, iterations }: Outside,
  salt: Uint8Array,
  fileCrypto: FileCrypto,
): Promise<Uint8Array> {
  if (typeof secret !== 'string') {
    if (secret.length !== KEY_BYTES) throw new RangeError('an export key has 32 bytes')
    return fileCrypto.hkdf(secret, salt, utf8(format))
  }
  // The same passphrase may be typed on a keyboard that composes its accents otherwise.
  const passphrase = secret.normalize('NFKC')
  if (passphrase.length < PASSPHRASE_CHARS_MIN) throw new RangeError('a passphrase has at least 8 characters')
  return fileCrypto.pbkdf2(utf8(passphrase), salt, iterations)
}

/** @returns undefined for what is no such file */
function readFile(file: Uint8Array) {
  try {
    const { ciphertext, ...outside } = JSON.parse(new TextDecoder().decode(file)) as ExportFile
    const { format, kdf, iterations } = outside
    const known = format === 'molam-export-v1' && (kdf === 'PBKDF2-SHA256' || kdf === 'HKDF-SHA256')
    if (!known || !Number.isSafeInteger(iterations) || iterations < 1 || iterations > ITERATIONS_MAX) return undefined
    const [salt, iv] = [fromBase64url(outside.salt), fromBase64url(outside.iv)]
    if (salt.length !== SALT_BYTES || iv.length !== IV_BYTES) return undefined
    return { outside, salt, iv, ciphertext: fromBase64url(ciphertext) }
  } catch {
    // Whatever it is, it is not ours.
    return undefined
  }
}
