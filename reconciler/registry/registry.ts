import type pg from 'pg'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { InvalidKey, type Verifier } from '../../src/crypto/suite.ts'
import { keyId, thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import type { RefusedConsent } from '../../src/protocol/confirmations.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import { CONSENTS_MAX } from '../../src/protocol/limits.ts'
import type { DeviceMessage, DeviceStatus, DeviceKey as KeyFacts, OlderDeviceKey } from '../../src/protocol/messages.ts'
import type { WalletState } from '../../src/protocol/owner-wallet.ts'
import { type AuditRecord, record } from '../audit.ts'
import type { ConsentCodes } from '../codes/code.ts'
import { transact } from '../db.ts'
import { lockPending, markDone, wake } from '../pull/inbox.ts'
import { claimSubjects, walletsWithClaims } from '../tell/claim-subjects.ts'
import { announce } from '../tell/outbox.ts'
import { type AnswerDeps, recordRequest, takeAnswer } from './code-requests.ts'
import { judgeConsents } from './consent-words.ts'
import {
  CONSENTS_OF,
  type ConsentRow,
  consentOf,
  keepConsents,
  type ReadConsent,
  type RegisteredConsent,
  statedConsents,
  type VerifiedConsent,
  verifyConsents,
} from './consents.ts'

/** What the reconciler knows of a device, from its own tables. */
export interface RegisteredDevice {
  readonly deviceId: DeviceId
  /** Of its facts. */
  readonly rev: number
  readonly status: DeviceStatus
  readonly country: string
  readonly tenant: string
  readonly ownerWallet: string
  /** What the ledger says of that wallet now: unless it is known, the device's own word debits nothing. */
  readonly wallet: WalletState
  /** Whose it is, by the ledger: `customer`, `merchant`, `agent`; null without an account. */
  readonly walletKind: string | null
  /** Without one that holds, it debits nothing either. */
  readonly consents: readonly RegisteredConsent[]
  /** When the edge said the newest of it that is known here. */
  readonly factsAtMs: number
  /** Every key that it ever had, by key id in hex: a bundle is verified with the key of its time. */
  readonly keys: ReadonlyMap<string, DeviceKey>
}

export interface DeviceKey {
  readonly alg: number
  readonly verifier: Verifier
  readonly state: KeyState
  /** Since when, by the edge's clock. */
  readonly stateAtMs: number
}

export type KeyState = 'active' | OlderDeviceKey['fate']

export type Registry = ReadonlyMap<string, RegisteredDevice>

interface DeviceRow {
  device_id: string
  rev: number
  status: DeviceStatus
  country: string
  tenant: string
  owner_wallet: string
  wallet: WalletState
  wallet_kind: string | null
  consents: readonly ConsentRow[] | null
  updated_at: Date
  kid: Uint8Array
  alg: DeviceMessage['alg']
  public_key: Uint8Array
  state: KeyState
  state_at: Date
}

type Facts = Omit<DeviceRow, 'kid' | 'alg' | 'public_key' | 'state' | 'state_at'>

interface ReadDevice extends Omit<RegisteredDevice, 'consents'> {
  readonly read: readonly ReadConsent[]
  readonly keys: Map<string, DeviceKey>
}

/** With the devices that have consented to them. */
export async function loadDevices(db: pg.Pool | pg.ClientBase, deviceIds: readonly string[]): Promise<Registry> {
  const { found, givers } = await readWithGivers(db, deviceIds)
  const registry = new Map<string, RegisteredDevice>()
  for (const [id, { read, ...device }] of found) {
    registry.set(id, { ...device, consents: await judgeConsents(read, device, givers) })
  }
  return registry
}

/** Consents in force that the ledger does not bear out, the newest of them. A wallet that is not there yet may come. */
export async function refusedConsents(
  db: pg.Pool | pg.ClientBase,
  deviceIds: readonly string[],
): Promise<ReadonlyMap<string, readonly RefusedConsent[]>> {
  const { found, givers } = await readWithGivers(db, deviceIds)
  const refused = new Map<string, readonly RefusedConsent[]>()
  for (const [id, { read, ...device }] of found) {
    if (device.wallet === 'unknown') continue
    const counting = await judgeConsents(read, device, givers)
    const isRefused = ({ consent: { givenAtMs, thumbprint, withdrawnAtMs } }: ReadConsent) => {
      const same = counting.find((one) => one.givenAtMs === givenAtMs && equalBytes(one.thumbprint, thumbprint))
      return withdrawnAtMs === null && (same === undefined || (!same.holds && same.isAwaited !== true))
    }
    const named = read.filter(isRefused).map(({ consent: { thumbprint, givenAtMs } }) => ({ thumbprint, givenAtMs }))
    if (named.length > 0) refused.set(id, named.sort((a, b) => b.givenAtMs - a.givenAtMs).slice(0, CONSENTS_MAX))
  }
  return refused
}

async function readWithGivers(db: pg.Pool | pg.ClientBase, deviceIds: readonly string[]) {
  const found = await readDevices(db, deviceIds)
  const named = [...found.values()].flatMap(({ read }) => read.flatMap(({ word }) => word?.claims.deviceId ?? []))
  const missing = named.filter((id) => !found.has(id))
  const others = missing.length === 0 ? [] : await readDevices(db, missing)
  const givers = new Map([...found, ...others].map(([id, { read, ...device }]) => [id, withPeoples(device, read)]))
  return { found, givers }
}

const withPeoples = (device: Omit<RegisteredDevice, 'consents'>, read: readonly ReadConsent[]): RegisteredDevice => {
  return { ...device, consents: read.filter(({ word }) => word === undefined).map(({ consent }) => consent) }
}

async function readDevices(
  db: pg.Pool | pg.ClientBase,
  deviceIds: readonly string[],
): Promise<ReadonlyMap<string, ReadDevice>> {
  const { rows } = await db.query<DeviceRow>(
    `SELECT d.device_id, d.rev, d.status, d.country, d.tenant, d.owner_wallet, offline_wallet_state(d.owner_wallet, d.tenant) AS wallet,
            (SELECT kind FROM wallet_core.accounts WHERE wallet_id = d.owner_wallet) AS wallet_kind, ${CONSENTS_OF} AS consents, d.updated_at,
            k.kid, k.alg, k.public_key, k.state, k.state_at
     FROM offline_devices d JOIN offline_device_keys k USING (device_id) WHERE d.device_id = ANY ($1)`,
    [[...new Set(deviceIds)]],
  )
  const found = new Map<string, ReadDevice>()
  await Promise.all(
    rows.map(async ({ kid, alg, public_key, state, state_at, ...row }) => {
      const device = found.get(row.device_id) ?? deviceOf(row)
      found.set(row.device_id, device)
      const verifier = await readKey({ alg, bytes: new Uint8Array(public_key) })
      if (verifier !== undefined) device.keys.set(toHex(kid), { alg, verifier, state, stateAtMs: state_at.getTime() })
    }),
  )
  return found
}

/** A row that is no key of any device verifies nothing, and must not keep the others from being read; `verify` finds it. */
async function readKey(key: Parameters<typeof webCryptoSuite.verifier>[0]): Promise<Verifier | undefined> {
  try {
    return await webCryptoSuite.verifier(key)
  } catch (error) {
    if (error instanceof InvalidKey) return undefined
    throw error
  }
}

function deviceOf({ device_id, rev, status, country, tenant, wallet, consents, updated_at, ...row }: Facts) {
  const owner = { tenant, ownerWallet: row.owner_wallet, wallet, walletKind: row.wallet_kind }
  const registered = {
    deviceId: device_id as DeviceId,
    rev,
    status,
    country,
    ...owner,
    factsAtMs: updated_at.getTime(),
  }
  return {
    ...registered,
    read: (consents ?? []).flatMap((row) => consentOf(row) ?? []),
    keys: new Map<string, DeviceKey>(),
  }
}

export type DeviceFault = 'invalid_key' | 'key_conflict' | 'device_conflict'

/**
 * Takes a device's facts into the registry, in one transaction with its audit record, its confirmation and its inbox
 * row. Any order and any number of times: a newer revision replaces, an older one only adds what it says of keys.
 *
 * @returns why it contradicts what is known, or undefined when it is done
 */
export async function recordDevice(
  pool: pg.Pool,
  inboxId: number,
  message: DeviceMessage,
  /** As the edge signed it. */
  body: Uint8Array,
  at: Date,
  { trusted, codes, sendsCodes }: RecordDeps,
): Promise<DeviceFault | undefined> {
  const older = (message.olderKeys ?? []).map((key) => ({ key, state: key.fate }))
  const keys: readonly StatedKey[] = [{ key: message, state: 'active' }, ...older]
  for (const { key } of keys) if (!(await isOwnKeyId(key))) return 'invalid_key'
  const consents = await verifyConsents(message, trusted, codes)
  const own = await thumbprint(webCryptoSuite, { alg: message.alg, bytes: message.publicKey })
  try {
    await transact(pool, async (client) => {
      if (!(await lockPending(client, [inboxId])).has(inboxId)) return
      const { deviceId, rev } = message
      const wallet = await upsertDevice(client, message)
      await keepMessage(client, message, body, at)
      for (const key of keys) await keepKey(client, message, key)
      await retireOthers(client, message)
      const audit: AuditRecord[] = []
      if (wallet !== undefined)
        audit.push(...(await recordRequest(client, message, own, { isOn: sendsCodes, keyId: codes.keyId }, at)))
      const { taken, audit: answered } = await takeConsents(client, consents, { trusted, codes }, at)
      await keepConsents(client, taken, at)
      if (wallet !== undefined) {
        const notBelieved = statedConsents(message).length - consents.length
        const facts = { rev, status: message.status, kid: toHex(message.kid), wallet }
        const detail = { ...facts, ...(notBelieved > 0 && { consents_not_believed: notBelieved }) }
        audit.unshift({ deviceId, action: 'device_recorded', detail })
      }
      audit.push(...answered)
      if (audit.length > 0) await record(client, audit, at)
      // A new device of a wallet is asked about what is claimed from it.
      const claims = wallet === undefined ? [] : await claimSubjects(client, await walletsWithClaims(client, message))
      await announce(client, [{ deviceId }, ...claims], at)
      await wake(client, deviceId, at)
      await markDone(client, [inboxId], at)
    })
    return undefined
  } catch (error) {
    if (error instanceof Contradiction) return error.fault
    throw error
  }
}

/** What recording a device's facts takes. */
export interface RecordDeps {
  readonly trusted: readonly TrustedKey[]
  readonly codes: ConsentCodes
  /** Whether there is anybody who brings codes to telephones. */
  readonly sendsCodes: boolean
}

/** All but those by a code that is none, or not any more. */
async function takeConsents(client: pg.ClientBase, consents: readonly VerifiedConsent[], deps: AnswerDeps, at: Date) {
  const taken: VerifiedConsent[] = []
  const audit: AuditRecord[] = []
  for (const consent of consents) {
    const answer = consent.code && (await takeAnswer(client, consent, deps, at))
    if (answer?.isTaken !== false) taken.push(consent)
    audit.push(...(answer?.audit ?? []))
  }
  return { taken, audit }
}

class Contradiction extends Error {
  override name = 'Contradiction'
  readonly fault: DeviceFault

  constructor(fault: DeviceFault) {
    super(fault)
    this.fault = fault
  }
}

/** The id of a key is its thumbprint; one under another id could stand in for a key that is known. */
export async function isOwnKeyId({ alg, publicKey, kid }: KeyFacts): Promise<boolean> {
  try {
    await webCryptoSuite.verifier({ alg, bytes: publicKey })
    return equalBytes(await keyId(webCryptoSuite, { alg, bytes: publicKey }), kid)
  } catch (error) {
    if (error instanceof InvalidKey) return false
    throw error
  }
}

/** @returns what the ledger says of its wallet; undefined when the registry did not change */
async function upsertDevice(client: pg.ClientBase, message: DeviceMessage): Promise<WalletState | undefined> {
  const { deviceId, rev, tenant, country, ownerWallet, status, kid, alg, atMs } = message
  const facts = [deviceId, rev, tenant, country, ownerWallet, status, Buffer.from(kid), alg]
  const { rows: changed } = await client.query<{ wallet_state: WalletState }>(
    `INSERT INTO offline_devices AS d (device_id, rev, tenant, country, owner_wallet, status, kid, alg, updated_at,
       registered_at, wallet_state)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, offline_wallet_state($5, $3))
     ON CONFLICT (device_id) DO UPDATE SET rev = excluded.rev, tenant = excluded.tenant, country = excluded.country,
       owner_wallet = excluded.owner_wallet, status = excluded.status, kid = excluded.kid, alg = excluded.alg,
       updated_at = excluded.updated_at, wallet_state = excluded.wallet_state, registered_at = least(d.registered_at, excluded.registered_at)
     WHERE d.rev < excluded.rev
     RETURNING wallet_state`,
    [...facts, new Date(atMs)],
  )
  if (changed[0] !== undefined) return changed[0].wallet_state
  const { rows } = await client.query<{ same: boolean }>(
    `SELECT (tenant, country, owner_wallet, status, kid, alg) = ($3, $4, $5, $6, $7::bytea, $8::int) AS same
     FROM offline_devices WHERE device_id = $1 AND rev = $2`,
    facts,
  )
  if (rows[0]?.same === false) throw new Contradiction('device_conflict')
  return undefined
}

/** Evidence for what the registry says. A revision that comes again says the same, or was refused. */
async function keepMessage(client: pg.ClientBase, { deviceId, rev }: DeviceMessage, body: Uint8Array, at: Date) {
  await client.query(
    `INSERT INTO offline_device_messages (device_id, rev, message, recorded_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (device_id, rev) DO NOTHING`,
    [deviceId, rev, Buffer.from(body), at],
  )
}

/** Only the newest revision's own key is active, whether or not a message named the others. */
async function retireOthers(client: pg.ClientBase, { deviceId, atMs }: DeviceMessage): Promise<void> {
  await client.query(
    `UPDATE offline_device_keys k SET state = 'replaced', state_at = $2
     FROM offline_devices d WHERE d.device_id = $1 AND k.device_id = $1 AND k.state = 'active' AND k.kid <> d.kid`,
    [deviceId, new Date(atMs)],
  )
}

interface StatedKey {
  readonly key: KeyFacts
  readonly state: KeyState
}

/** A key never comes back from a stronger state, in whatever order messages come. */
async function keepKey(
  client: pg.ClientBase,
  { deviceId, rev, atMs }: DeviceMessage,
  { key: { kid, alg, publicKey }, state }: StatedKey,
): Promise<void> {
  await client.query(
    `INSERT INTO offline_device_keys AS k (device_id, kid, alg, public_key, since_rev, state, state_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (device_id, kid) DO UPDATE SET state = excluded.state, state_at = excluded.state_at
     WHERE offline_key_strength(k.state) < offline_key_strength(excluded.state)
        OR (k.state = excluded.state AND k.state_at > excluded.state_at)`,
    [deviceId, Buffer.from(kid), alg, Buffer.from(publicKey), rev, state, new Date(atMs)],
  )
  const { rows } = await client.query<{ same: boolean }>(
    'SELECT (alg, public_key) = ($3::int, $4::bytea) AS same FROM offline_device_keys WHERE device_id = $1 AND kid = $2',
    [deviceId, Buffer.from(kid), alg, Buffer.from(publicKey)],
  )
  if (rows[0]?.same !== true) throw new Contradiction('key_conflict')
}
