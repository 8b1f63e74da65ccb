import type {
  DeviceFault,
  DeviceKey,
  KeyState,
  RegisteredDevice,
  Registry,
} from '../../reconciler/registry/registry.ts'
import type { Verifier } from '../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { equalBytes, fromHex, toHex } from '../../src/protocol/bytes.ts'
import type { RefusedConsent } from '../../src/protocol/confirmations.ts'
import { type ConsentGiver, decodeConsent, paysUntil } from '../../src/protocol/consent.ts'
import { parseConsentWord } from '../../src/protocol/consent-word.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { deviceId as asDeviceId } from '../../src/protocol/ids.ts'
import type { DeviceMessage, DeviceKey as KeyFacts, StatedConsent } from '../../src/protocol/messages.ts'
import { askCode, nameOf, sendCode, takeCode } from './codes.ts'
import { wake } from './inbox.ts'
import { announce, claimSubjects } from './outbox.ts'
import type { ConsentRow, DeviceRow, ModelState } from './state.ts'
import { walletState } from './wallet-state.ts'

const STRENGTH: readonly KeyState[] = ['active', 'replaced', 'revoked']

/**
 * Takes a device's facts, in any order and any number of times: a newer revision replaces, an older one only adds what it
 * says of keys.
 *
 * @returns why it contradicts what is known; then nothing is changed
 */
export function recordDevice(state: ModelState, message: DeviceMessage, atMs: number): DeviceFault | undefined {
  const known = state.devices.get(message.deviceId)
  const keys = statedKeys(message)
  if (known?.rev === message.rev && !isSame(known, message)) return 'device_conflict'
  for (const { key } of keys) {
    const kept = known?.keys.get(toHex(key.kid))
    if (kept && (kept.alg !== key.alg || !equalBytes(kept.publicKey, key.publicKey))) return 'key_conflict'
  }
  const device = known !== undefined && known.rev >= message.rev ? known : upsert(state, known, message)
  for (const { key, state: stated } of keys) keepKey(device, key, stated, message.atMs)
  // In the book's order: a request, then what was entered for it.
  const asked = device === known ? undefined : message.code && askCode(state, message, message.code, atMs)
  if (asked !== undefined) sendCode(state, asked)
  for (const { signed, withdrawnAtMs } of statedConsents(message)) {
    const consent = decodeConsent(parseSign1(signed).payload)
    if (consent.code === undefined || takeCode(state, consent, nameOf(signed)))
      keepConsent(device, signed, withdrawnAtMs)
  }
  // Only the newest revision's own key is active.
  for (const [kid, key] of device.keys) {
    if (key.state === 'active' && kid !== device.kid) {
      device.keys.set(kid, { ...key, state: 'replaced', stateAtMs: message.atMs })
    }
  }
  const { ownerWallet } = message
  const isNews = device !== known
  const hasClaims = [...state.payments].some(
    ([key, { status, reason, payment }]) =>
      payment.sender === ownerWallet && (status === 'claimed' || reason === 'mandated' || state.worded.has(key)),
  )
  // A new device of a wallet is asked about what is claimed from it.
  const claims = isNews && hasClaims ? claimSubjects(state, [ownerWallet]) : []
  announce(state, [{ deviceId: message.deviceId }, ...claims], atMs)
  wake(state.inbox, message.deviceId, atMs)
  return undefined
}

/** With what was entered as a code. */
const statedConsents = ({ consents = [], code }: DeviceMessage): readonly StatedConsent[] =>
  code?.answer === undefined ? consents : [...consents, { signed: code.answer }]

function statedKeys(message: DeviceMessage): readonly { readonly key: KeyFacts; readonly state: KeyState }[] {
  const older = (message.olderKeys ?? []).map((key) => ({ key, state: key.fate }))
  return [{ key: message, state: 'active' }, ...older]
}

const isSame = (known: DeviceRow, { tenant, country, ownerWallet, status, kid, alg }: DeviceMessage) =>
  known.tenant === tenant &&
  known.country === country &&
  known.ownerWallet === ownerWallet &&
  known.status === status &&
  known.kid === toHex(kid) &&
  known.alg === alg

function upsert(state: ModelState, known: DeviceRow | undefined, message: DeviceMessage): DeviceRow {
  const { rev, tenant, country, ownerWallet, status, kid, alg, atMs } = message
  const device = {
    ...{ rev, tenant, country, ownerWallet, status, kid: toHex(kid), alg },
    registeredAtMs: Math.min(known?.registeredAtMs ?? atMs, atMs),
    factsAtMs: atMs,
    consents: known?.consents ?? new Map(),
    wallet: walletState(state, ownerWallet, tenant),
    keys: known?.keys ?? new Map(),
  }
  state.devices.set(message.deviceId, device)
  return device
}

/** A key never comes back from a stronger state; of one state the earliest time counts. */
function keepKey({ keys }: DeviceRow, { kid, alg, publicKey }: KeyFacts, state: KeyState, stateAtMs: number): void {
  const known = keys.get(toHex(kid))
  const isStronger = known === undefined || STRENGTH.indexOf(known.state) < STRENGTH.indexOf(state)
  if (!isStronger && !(known.state === state && known.stateAtMs > stateAtMs)) return
  keys.set(toHex(kid), { alg, publicKey, state, stateAtMs })
}

/** The earliest withdrawal that was said counts. */
function keepConsent({ consents }: DeviceRow, signed: Uint8Array, saidAtMs: number | undefined): void {
  const id = toHex(signed)
  const { wallet, tenant, thumbprint, givenAtMs, untilMs, word, code } = decodeConsent(parseSign1(signed).payload)
  const ends = [consents.get(id)?.withdrawnAtMs ?? undefined, saidAtMs].filter((end) => end !== undefined)
  const withdrawnAtMs = ends.length === 0 ? null : Math.min(...ends)
  const giver = word && giverOf(word)
  consents.set(id, {
    wallet,
    tenant,
    thumbprint,
    givenAtMs,
    untilMs,
    withdrawnAtMs,
    isByHolder: code !== undefined,
    ...(giver && { giver }),
  })
}

function giverOf(encoded: Uint8Array): ConsentGiver {
  const { claims, word } = parseConsentWord(encoded)
  return { deviceId: claims.deviceId, kid: toHex(claims.kid), madeAtMs: word.madeAtMs }
}

/** Whether facts of the giver are on their way without which nobody can say what its word is worth. */
export function isAwaited(state: ModelState, consent: ConsentRow): boolean {
  const { giver, givenAtMs } = consent
  if (giver === undefined) return false
  const known = state.devices.get(giver.deviceId)
  if (!known?.keys.has(giver.kid)) return true
  return giverPaysUntil(state, known, giver.kid, givenAtMs) === undefined && known.factsAtMs < givenAtMs
}

/** By the word of people, as far as the ledger bears it out, and not by that of another device. */
function giverPaysUntil(state: ModelState, giver: DeviceRow, kid: string, atMs: number): number | undefined {
  const peoples = [...giver.consents.values()].filter((one) => one.giver === undefined && isBorneOut(state, giver, one))
  return paysUntil(peoples, fromHex(kid), atMs)
}

/** The edge may have taken the word of a device that two people had spoken for, and the ledger does not bear that out. */
function isFalseWord(state: ModelState, { giver, givenAtMs, untilMs }: ConsentRow): boolean {
  const known = giver && state.devices.get(giver.deviceId)
  if (giver === undefined || !known?.keys.has(giver.kid)) return false
  const giverUntilMs = giverPaysUntil(state, known, giver.kid, givenAtMs)
  return giverUntilMs === undefined ? known.factsAtMs >= givenAtMs : untilMs > giverUntilMs
}

/** A tenant speaks for its merchants and agents, a device of a wallet for the wallet, and its holder by a code. */
export function isBorneOut(state: ModelState, { ownerWallet, tenant }: DeviceRow, consent: ConsentRow): boolean {
  const account = state.book.accounts.get(consent.wallet)
  if (account === undefined || isFalseWord(state, consent)) return false
  const isSpokenFor =
    account.kind === 'merchant' || account.kind === 'agent' || consent.giver !== undefined || consent.isByHolder
  return isSpokenFor && consent.wallet === ownerWallet && consent.tenant === tenant && account.tenant === consent.tenant
}

/** Consents in force that the ledger does not bear out. */
export function refusedOf(state: ModelState, deviceId: string): readonly RefusedConsent[] {
  const device = state.devices.get(deviceId)
  if (device === undefined || walletState(state, device.ownerWallet, device.tenant) === 'unknown') return []
  return [...device.consents.values()].flatMap((one) => {
    const isFine = one.withdrawnAtMs !== null || isAwaited(state, one) || isBorneOut(state, device, one)
    return isFine ? [] : [{ thumbprint: one.thumbprint, givenAtMs: one.givenAtMs }]
  })
}

/** Devices whose wallets have come into the ledger since. */
export function walletsOpened(state: ModelState): readonly string[] {
  const opened: string[] = []
  for (const [deviceId, { wallet, ownerWallet, tenant }] of state.devices) {
    if (wallet === 'unknown' && walletState(state, ownerWallet, tenant) !== 'unknown') opened.push(deviceId)
  }
  return opened
}

export function recordOpenedWallets(state: ModelState, atMs: number): void {
  const opened = walletsOpened(state)
  for (const deviceId of opened) {
    const device = state.devices.get(deviceId)
    if (device !== undefined) device.wallet = walletState(state, device.ownerWallet, device.tenant)
  }
  announce(
    state,
    opened.map((deviceId) => ({ deviceId })),
    atMs,
  )
}

/** As production's `loadDevices`. */
export async function loadDevices(state: ModelState, deviceIds: readonly string[]): Promise<Registry> {
  const found = new Map<string, RegisteredDevice & { readonly keys: Map<string, DeviceKey> }>()
  for (const deviceId of new Set(deviceIds)) {
    const device = state.devices.get(deviceId)
    if (device === undefined) continue
    // As one query sees it: what is recorded while verifiers are made belongs to the next.
    const rows = [...device.keys]
    const keys = new Map<string, DeviceKey>()
    const standing = [...device.consents.values()].filter((one) => !isFalseWord(state, one))
    const consents = standing.map((one) => {
      const waits = isAwaited(state, one)
      return { ...one, holds: isBorneOut(state, device, one), ...(waits && { isAwaited: true as const }) }
    })
    const { ownerWallet, tenant } = device
    const owner = {
      wallet: walletState(state, ownerWallet, tenant),
      walletKind: state.book.accounts.get(ownerWallet)?.kind ?? null,
    }
    found.set(deviceId, { ...device, deviceId: asDeviceId(deviceId), consents, ...owner, keys })
    for (const [kid, { publicKey, ...key }] of rows) {
      const verifier: Verifier = await webCryptoSuite.verifier({ alg: key.alg, bytes: publicKey })
      keys.set(kid, { ...key, verifier })
    }
  }
  return found
}
