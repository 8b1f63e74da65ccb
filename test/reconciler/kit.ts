import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoginUrls } from '../../dev/postgres.ts'
import { newSecrets } from '../../dev/secrets.ts'
import { consentCodes } from '../../reconciler/codes/code.ts'
import { parseConfig } from '../../reconciler/config.ts'
import { type Log, openLog } from '../../reconciler/log.ts'
import { openReconciler, type Reconciler } from '../../reconciler/run.ts'
import { signConsent } from '../../src/crypto/consent.ts'
import { importHmacKey } from '../../src/crypto/hmac.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { signPolicyVersion } from '../../src/crypto/policy-version.ts'
import { sealSettleMessage } from '../../src/crypto/settle-message.ts'
import { signAsEdge } from '../../src/crypto/sign1.ts'
import { thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { fromBase64url, toHex } from '../../src/protocol/bytes.ts'
import { type Consent, encodeConsent } from '../../src/protocol/consent.ts'
import type { KeySet } from '../../src/protocol/keyset.ts'
import type {
  DeviceMessage,
  ReversalMessage,
  ReviewEnd,
  ReviewMessage,
  SettleMessage,
  StatedConsent,
} from '../../src/protocol/messages.ts'
import { isPayment, type PaymentEntry } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { type DecisionException, encodeReceipt, type Receipt } from '../../src/protocol/receipt.ts'
import { encodeSettleMessage } from '../../src/protocol/settle-codec.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import { signPassesWith } from '../kit/authorization.ts'
import { type Made, TestDevice } from '../kit/device.ts'
import { agentPhone, hasAgent, hasPhone, phoneOf } from '../kit/payers.ts'
import { holdersCodes } from './holders-codes.ts'
import { Network } from './network.ts'
import type { Database } from './open-database.ts'

/** Tests wait for what they wait for, however busy the machine is; whoever waits this long hangs. For `expect.poll`. */
export const EVENTUALLY = { timeout: 600_000 }
const SETTLE_ROUNDS = 4

/** An edge that signs whatever it is asked to, devices with keys, and reconcilers on a real database. */
export interface World {
  readonly network: Network
  readonly keySet: KeySet
  readonly env: Readonly<Record<string, string>>
  /** The clock of everything in this world; moves only when told, unless processes of their own take part. */
  now: number
  /** A device whose owner has an account of this kind, with this balance. */
  device(kind?: 'merchant' | 'agent' | 'customer', balance?: number): Promise<TestDevice>
  reconciler(fetch?: typeof globalThis.fetch, log?: Log): Promise<Reconciler>
  /** The message that registers a device. */
  facts(device: TestDevice, over?: Partial<DeviceMessage>): Promise<Uint8Array>
  /** The phone of a wallet's holder, registered. */
  phone(wallet: string): Promise<TestDevice>
  /** The consent for the device's key, two people's or its holder's by a code, as the edge signed it, each time the same bytes. */
  consent(device: TestDevice, over?: Partial<Consent>): Promise<StatedConsent>
  /** The message of an admitted bundle, with the decisions given. */
  admit(
    device: TestDevice,
    entries: readonly PaymentEntry[],
    exceptions?: readonly DecisionException[],
  ): Promise<Uint8Array>
  admitMade(made: Made, entries: readonly PaymentEntry[], over?: Partial<Receipt>): Promise<Uint8Array>
  /** What people decided about payments of a bundle. */
  review(
    made: Made,
    rev: number,
    choices: Record<number, ReviewEnd>,
    over?: Partial<ReviewMessage>,
  ): Promise<Uint8Array>
  reversal(made: Made, rev: number, counter: number, over?: Partial<ReversalMessage>): Promise<Uint8Array>
  /** A version of a policy, as the edge signed it. */
  policy(policy: Policy): Promise<Uint8Array>
  /** Everything that can be done now is done, also what was in a pause. */
  settle(reconciler?: Reconciler): Promise<void>
  close(): Promise<void>
}

/** For reconcilers that run by themselves: its clock is theirs, or calls of processes would come from the future after some minutes. */
export async function makeLiveWorld(database: Database, over: Record<string, string> = {}): Promise<World> {
  const world = await makeWorld(database, over)
  // Whoever settles lets them go on for a moment.
  world.settle = () => sleep(20)
  return Object.defineProperty(world, 'now', { get: Date.now })
}

/** Whoever decides in a test has not decided about anything that day. */
let people = 0

export async function makeWorld(database: Database, over: Record<string, string> = {}): Promise<World> {
  // Those of another world, where one goes on with its book.
  const secrets = { ...(await newSecrets()), ...over }
  const keys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
  signPassesWith(keys)
  const keySet = await keys.keySet()
  const opened: Reconciler[] = []
  const consents = new Map<string, Promise<Uint8Array>>()
  /** What is said again are the same bytes. */
  const oneSignature = (consent: Consent): Promise<Uint8Array> => {
    const name = toHex(encodeConsent(consent))
    const known = consents.get(name) ?? signConsent(consent, keys).then(({ signed }) => signed)
    consents.set(name, known)
    return known
  }
  const codes = await holdersCodes(database, secrets.CONSENT_CODE_KEY)
  const signed = (message: SettleMessage) => sealSettleMessage(message, async () => keys)
  const env = {
    ...secrets,
    ...loginEnv(database.logins),
    QUEUE_API_URL: 'http://queue.test/client/v4',
    CF_ACCOUNT_ID: 'account',
    QUEUE_ID: 'settle',
    QUEUE_TOKEN: 'token',
    EDGE_URL: 'http://edge.test',
    LOG_LEVEL: 'silent',
    ENVIRONMENT: 'test',
    // Test devices take many payments in a second; what scoring does has tests of its own.
    RISK_FIXED_SCORE: '0',
    ...over,
  }

  const known = new Map<string, Promise<TestDevice>>()
  const phone = (wallet: string): Promise<TestDevice> => {
    const registered = known.get(wallet) ?? registerPhone(wallet)
    known.set(wallet, registered)
    return registered
  }
  const registerPhone = async (wallet: string) => {
    const phone = await phoneOf(wallet)
    world.network.send(await world.facts(phone))
    return phone
  }
  let agent: Promise<void> | undefined
  const registerAgent = async () => {
    const phone = await agentPhone()
    await database.open(phone.ownerWallet, 0, { kind: 'agent' })
    world.network.send(await world.facts(phone))
  }
  /** Those whose words test devices bring. */
  const registerSigners = async (entries: readonly PaymentEntry[]) => {
    const payments = entries.filter(isPayment)
    await Promise.all(payments.flatMap(({ sender }) => (hasPhone(sender) ? [phone(sender)] : [])))
    if (!hasAgent() || payments.every(({ amount }) => amount <= 50_000)) return
    agent ??= registerAgent()
    await agent
  }

  const world: World = {
    network: new Network(await importHmacKey(fromBase64url(secrets.INTERNAL_HMAC_KEY)), () => world.now),
    keySet,
    env,
    now: Date.now(),

    async device(kind = 'merchant', balance = 0) {
      const device = await TestDevice.create()
      await database.open(device.ownerWallet, balance, { kind })
      return device
    },

    async reconciler(fetch = world.network.fetch, log = openLog('silent')) {
      const around = { fetch, clock: () => world.now, random: () => 0.5, log }
      const reconciler = await openReconciler(parseConfig(env), around)
      opened.push(reconciler)
      return reconciler
    },

    async facts(device, over = {}) {
      // As of now: what follows takes its time.
      const atMs = world.now
      const { ownerWallet: wallet = device.ownerWallet, tenant = 'molam', alg = -7 } = over
      const bytes = over.publicKey ?? device.signer.key.bytes
      const isKey = alg === -7 && bytes.length === 65
      const given = { wallet, tenant, ...(isKey && { thumbprint: await thumbprint(webCryptoSuite, { alg, bytes }) }) }
      const consents =
        device.hasConsent && isKey && over.consents === undefined ? [await world.consent(device, given)] : []
      const code = codes.newestOf(device)
      return signed({
        kind: 'device',
        deviceId: device.id,
        rev: 1,
        alg: -7,
        kid: device.kid,
        publicKey: device.signer.key.bytes,
        status: 'active',
        country: 'BJ',
        tenant: 'molam',
        ownerWallet: device.ownerWallet,
        atMs,
        ...(consents.length > 0 && { consents }),
        ...(code && { code }),
        ...over,
      })
    },

    async consent(device, over = {}) {
      const { id: deviceId, ownerWallet: wallet } = device
      const consent = {
        ...{ wallet, deviceId, tenant: 'molam', askedBy: 'user:ask', confirmedBy: 'user:confirm' },
        ...{ givenAtMs: device.consentedAtMs, untilMs: device.consentedAtMs + 300 * DAY_MS },
        thumbprint: await thumbprint(webCryptoSuite, device.signer.key),
        ...over,
      }
      return { signed: await oneSignature(device.isTenants ? consent : await codes.ofWhoeverMay(consent)) }
    },

    phone,

    async admit(device, entries, exceptions = []) {
      const signedAtMs = Math.floor(world.now / 1000) * 1000
      return world.admitMade(await device.bundle(entries, keySet, { signedAtMs }), entries, { exceptions })
    },

    async admitMade({ bundle, header, digest }, entries, over = {}) {
      await registerSigners(entries)
      const receipt = encodeReceipt({
        deviceId: header.deviceId,
        bundleId: header.bundleId,
        digest,
        seq: header.seq,
        receivedAtMs: world.now,
        status: 'pushed',
        firstCounter: entries[0]?.counter ?? 1,
        lastCounter: entries.at(-1)?.counter ?? 1,
        exceptions: [],
        country: 'BJ',
        policyVersion: 1,
        ...over,
      })
      const { kid, signer } = await keys.receiptSigner()
      return encodeSettleMessage({
        kind: 'bundle',
        deviceId: header.deviceId,
        bundle,
        receipt: await signAsEdge(signer, kid, receipt, 'molam-receipt-v1'),
      })
    },

    review({ header }, rev, choices, over = {}) {
      const { deviceId, bundleId, seq } = header
      return signed({
        ...{ kind: 'review', deviceId, bundleId, seq, rev, decidedAtMs: world.now, actors: [`user:anna-${++people}`] },
        choices: Object.entries(choices).map(([counter, choice]) => ({ counter: Number(counter), choice })),
        ...over,
      })
    },

    reversal({ header }, rev, counter, over = {}) {
      const { deviceId, bundleId, seq } = header
      return signed({
        ...{ kind: 'reversal', deviceId, bundleId, seq, rev, decidedAtMs: world.now, actors: ['user:anna', 'user:bo'] },
        ...{ counter, reason: 'duplicate' },
        ...over,
      })
    },

    async policy(policy) {
      const by = { proposedBy: 'user:awa', confirmedBy: 'user:moussa', confirmedAtMs: 0 }
      const version = { policy, reviewTwoPeopleAbove: 50_000, effectiveAtMs: 0, ...by }
      return (await signPolicyVersion(version, keys)).signed
    },

    async settle(reconciler) {
      const worker = reconciler ?? opened[0] ?? (await world.reconciler())
      for (let round = 0; round < SETTLE_ROUNDS; round++) {
        const { pending, waiting, resolutions, untold } = await worker.once()
        world.now += 60_000
        if (pending + waiting + resolutions + untold > 0 || world.network.queued > 0) continue
        // Nothing is left to do: the minutes of the other rounds go by at once.
        world.now += (SETTLE_ROUNDS - 1 - round) * 60_000
        return
      }
    },

    async close() {
      await Promise.all(opened.map((reconciler) => reconciler.close()))
    },
  }
  return world
}

/** What `verifyBook` opens the evidence with. */
export async function evidenceOf({ env }: Pick<World, 'env'>) {
  const keys = await localKeys(env['EDGE_KEYS'] ?? '', env['KEY_WRAPPING_SECRET'] ?? '')
  return { keys, codes: await codesOf({ env }) }
}

/** Holders' codes, as this world's reconcilers make them. */
export const codesOf = ({ env }: Pick<World, 'env'>) =>
  consentCodes({ key: fromBase64url(env['CONSENT_CODE_KEY'] ?? '') })

/** The reconciler's three settings. */
export const loginEnv = ({ record, settle, read }: LoginUrls): Record<string, string> => ({
  RECORD_DATABASE_URL: record,
  SETTLE_DATABASE_URL: settle,
  READ_DATABASE_URL: read,
})

/** The same settings, with Postgres found where this URL is. */
export function throughWire(env: Readonly<Record<string, string>>, wireUrl: string): Record<string, string> {
  const { host } = new URL(wireUrl)
  const moved = Object.entries(env).map(([name, value]) => {
    if (!name.endsWith('_DATABASE_URL')) return [name, value]
    const url = new URL(value)
    url.host = host
    return [name, url.href]
  })
  return Object.fromEntries(moved)
}

/** A wallet of this test only. */
export const newWallet = () => `W-${randomUUID()}`

/** Three reconcilers side by side, their clock running, until something is as it should be. */
export async function runThree(world: World, until: () => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const ticking = setInterval(() => {
    world.now += 1000
  }, 10)
  const workers = await Promise.all([1, 2, 3].map(() => world.reconciler()))
  const running = workers.map((worker) => worker.run(stop.signal))
  try {
    await until()
  } finally {
    stop.abort()
    await Promise.all(running)
    clearInterval(ticking)
  }
}
