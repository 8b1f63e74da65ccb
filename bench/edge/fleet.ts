import { sealPayload, signBundle } from '../../src/crypto/bundle-crypto.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { BUNDLE_MEDIA_TYPE, type BundleHeader } from '../../src/protocol/bundle.ts'
import { GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import { type Confirmation, encodeConfirmations, splitConfirmations } from '../../src/protocol/confirmations.ts'
import { type DeviceId, deviceId, newUlid, ulidText } from '../../src/protocol/ids.ts'
import type { EdgeKey } from '../../src/protocol/keyset.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { PAYMENT_METHODS, type Payment } from '../../src/protocol/payment.ts'
import type { Confirmations } from './load/confirmer.ts'
import { ROOMY_VERSION } from './policy.ts'

/** Devices and the bundles that they will push: made before anything is measured. */
export const PAYMENTS_PER_BUNDLE = 50
const XOF = currency('XOF')
/** Customers who bring cash to agents: a device meets some of them again. */
export const CUSTOMERS = 400
export const customer = (number: number) => `W-SN-C${String(number % CUSTOMERS).padStart(6, '0')}`
const SECONDS_BETWEEN_PAYMENTS = 7
/** How long ago the first payment was taken: room for ten thousand of each device, and none of them old. */
const SINCE_MS = 20 * 3_600_000

export interface Device {
  readonly id: DeviceId
  readonly ownerWallet: string
  readonly signer: Signer
  readonly kid: Uint8Array
  seq: number
  counter: number
  prev: Uint8Array
  /** When its next payment is taken. */
  atMs: number
}

/** A push as it goes on the wire, and what the reconciler will say about it. */
export interface Push {
  readonly bundleId: string
  readonly deviceId: string
  readonly lastCounter: number
  readonly request: Uint8Array
  /** That it is recorded, and that all its payments succeeded. */
  readonly confirmations: Confirmations
}

const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))

export async function makeDevices(count: number, prefix: string): Promise<Device[]> {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - SINCE_MS
  return Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Device> => {
      const signer = await webCryptoSuite.es256Signer(randomBytes(32))
      const id = deviceId(`${prefix}-${String(index).padStart(6, '0')}`)
      const kid = await keyId(webCryptoSuite, signer.key)
      const ownerWallet = `W-SN-M${String(index).padStart(6, '0')}`
      return { id, ownerWallet, signer, kid, seq: 1, counter: 1, prev: GENESIS_PREV, atMs: startMs }
    }),
  )
}

/** The next `count` pushes: one of each device in turn, so that no device has two of them under way. */
export async function makePushes(
  devices: readonly Device[],
  count: number,
  sealKey: EdgeKey,
  payments = PAYMENTS_PER_BUNDLE,
): Promise<Push[]> {
  const pushes: Push[] = []
  // In slices: all of a device's bundles must follow each other, and those of different devices need not.
  for (let at = 0; at < count; at += devices.length) {
    const slice = devices.slice(0, Math.min(devices.length, count - at))
    pushes.push(...(await Promise.all(slice.map((device) => makePush(device, sealKey, payments)))))
  }
  return pushes
}

async function makePush(device: Device, sealKey: EdgeKey, payments: number): Promise<Push> {
  const { seq } = device
  const entries = Array.from({ length: payments }, () => payment(device))
  if (device.atMs > Date.now()) throw new Error(`${device.id} would have to take payments in the future`)
  const header: BundleHeader = {
    alg: -7,
    kid: device.kid,
    deviceId: device.id,
    signedAtMs: Math.floor(Date.now() / 1000) * 1000,
    bundleId: newUlid(Date.now(), randomBytes),
    seq,
    prev: device.prev,
    nonce: randomBytes(16),
    relay: false,
  }
  const sealed = await sealPayload(webCryptoSuite, sealKey, header, { currency: XOF, entries })
  const bundle = await signBundle(device.signer, header, sealed)
  device.seq++
  device.prev = prevOf(await webCryptoSuite.sha256(sealed))
  const subject = { deviceId: device.id, bundleId: header.bundleId, seq }
  const atMs = Date.now()
  const outcomes = entries.map(({ counter }) => ({
    counter,
    status: 'succeeded' as const,
    atMs,
    transferId: crypto.randomUUID(),
  }))
  return {
    bundleId: ulidText(header.bundleId),
    deviceId: device.id,
    lastCounter: device.counter - 1,
    request: pushRequest(bundle, seq),
    confirmations: confirmationsOf(device.id, [
      { kind: 'bundle_recorded', ...subject },
      { kind: 'bundle_settled', ...subject, rev: 1, outcomes },
    ]),
  }
}

function confirmationsOf(deviceId: DeviceId, said: readonly Confirmation[]): Confirmations {
  const own = splitConfirmations(encodeConfirmations(said)).get(deviceId)
  if (own === undefined) throw new Error('confirmations of another device')
  return { deviceId, own }
}

/**
 * Cash that an agent was given, out of the agent's own wallet: the device's signature is all the word that it needs. Each
 * payer's own signature costs a verification more, in the edge as in every bound.
 */
function payment(device: Device): Payment {
  const counter = device.counter++
  const initiatedAtMs = device.atMs
  device.atMs += SECONDS_BETWEEN_PAYMENTS * 1000
  return {
    ...{ type: 'cashin', method: PAYMENT_METHODS[counter % 2] ?? 'wallet', currency: XOF },
    ...{ counter, initiatedAtMs, amount: amountMinor(200 + ((counter * 7919) % 9500)) },
    sender: device.ownerWallet,
    receiver: customer(counter * 131 + Number(device.id.slice(-4))),
  }
}

/**
 * As the SDK sends it: the policy and the keys are known, and the cursor stands after the outcomes of the push before
 * the last one, so that an answer tells those of the last one.
 */
function pushRequest(bundle: Uint8Array, seq: number): Uint8Array {
  const head = [
    'POST /offline/push HTTP/1.1',
    'Host: edge.bench',
    `Content-Type: ${BUNDLE_MEDIA_TYPE}`,
    'Accept: application/cbor',
    `Molam-Cursor: ${Math.max(0, seq - 2)}`,
    `Molam-Policy-Version: ${ROOMY_VERSION}`,
    'Molam-Keys-Version: 1',
    `Content-Length: ${bundle.length}`,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bundle])
}
