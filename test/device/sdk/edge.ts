import { openBundle } from '../../../src/crypto/bundle-crypto.ts'
import { compressKey } from '../../../src/crypto/compressed-key.ts'
import { signPass } from '../../../src/crypto/pass.ts'
import { signAsEdge, verifySign1 } from '../../../src/crypto/sign1.ts'
import type { PublicKey, RecipientKey, Signer } from '../../../src/crypto/suite.ts'
import { keyId } from '../../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import type { Fetch, HttpRequest, HttpResponse } from '../../../src/device/sdk/index.ts'
import { calendarDay } from '../../../src/protocol/activity.ts'
import { type AllowanceOrder, type AllowanceStanding, parseAllowanceOrder } from '../../../src/protocol/allowances.ts'
import { type Bundle, type BundleHeader, parseBundle } from '../../../src/protocol/bundle.ts'
import { equalBytes, fromBase64url, toHex } from '../../../src/protocol/bytes.ts'
import { type ChainLink, chainStep, GENESIS_PREV, prevOf } from '../../../src/protocol/chain.ts'
import { type Claim, parseClaimAnswer, type SignedClaimAnswer } from '../../../src/protocol/claims.ts'
import { parseConsentWord } from '../../../src/protocol/consent-word.ts'
import {
  addRange,
  type CounterSet,
  hasCounter,
  highestCounter,
  missingCounters,
} from '../../../src/protocol/counters.ts'
import type { Debit } from '../../../src/protocol/debits.ts'
import { type DeviceProofHeader, htuOf, parseDeviceProof } from '../../../src/protocol/device-proof.ts'
import { type DeviceId, deviceId } from '../../../src/protocol/ids.ts'
import { type EdgeKey, encodeKeySet, type KeySet, type KeyState } from '../../../src/protocol/keyset.ts'
import { COUNTER_MAX, OUTCOMES_PER_NOTICE_MAX } from '../../../src/protocol/limits.ts'
import type { MandatedDebit } from '../../../src/protocol/mandated.ts'
import { type Mandate, parseMandate } from '../../../src/protocol/mandates.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { type DayTotal, encodeNotice, encodePushResponse, type Outcome } from '../../../src/protocol/notice.ts'
import type { WalletFault } from '../../../src/protocol/owner-wallet.ts'
import type { Pass } from '../../../src/protocol/pass.ts'
import { isPayment, isVoided, type PaymentEntry } from '../../../src/protocol/payment.ts'
import type { Policy } from '../../../src/protocol/policy.ts'
import { PROBLEM_MEDIA_TYPE, type ProblemCode, problem } from '../../../src/protocol/problems.ts'
import { type DecisionException, encodeReceipt, type Receipt } from '../../../src/protocol/receipt.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { neighboursIn } from '../../kit/chain.ts'

/**
 * An edge in one object, for one device: the protocol's own code with real cryptography, everything it admitted kept, and
 * a network in front of it that can be made to fail.
 */
export const API = 'https://edge.test'
export const DEVICE = deviceId('POS-001')
export const OWNER = 'shop-1'
/** What the holder of the owner's wallet reads on the telephone. */
export const HOLDERS_CODE = '04183920'

export const POLICY: Policy = {
  country: 'SN',
  version: 1,
  enabled: true,
  currency: currency('XOF'),
  timeZone: 'Africa/Dakar',
  maxOfflineAmount: 100_000,
  maxOfflinePerDevicePerDay: 500,
  maxOfflineValuePerDevicePerDay: 5_000_000,
  requirePayerProofAbove: 10_000,
  requireAgentApprovalAbove: 50_000,
  requireManualReviewAbove: 75_000,
  allowedMethods: ['wallet', 'qr'],
  maxBundleAgeHours: 72,
  maxClockSkewMinutes: 30,
  maxRelayHours: 24,
  acceptBelowScore: 0.15,
  quarantineAboveScore: 0.35,
  maxDaysSinceSync: 4,
  personDailyValue: 200_000,
  maxOfflineValueBetweenSyncs: 5_000_000,
  mandatePaymentMax: 2_000,
  mandateDayMax: 5_000,
  allowanceMax: 50_000,
}

export const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

interface HeldKey {
  readonly edgeKey: EdgeKey
  /** Version of the key set in which it first stood. */
  readonly since: number
  readonly recipient?: RecipientKey
  readonly signer?: Signer
}

interface Admitted extends ChainLink {
  readonly bundleId: string
  /** What the receipt says, and the receipt. */
  readonly said: Receipt
  readonly receipt: Uint8Array
  readonly entries: readonly PaymentEntry[]
}

/** What happens to one request. The edge handles it in `lost`, `truncated`, `duplicated`; in the others it never does. */
export type Fault =
  | 'offline'
  | 'lost'
  | 'truncated'
  | 'duplicated'
  | 'silent'
  | 'portal'
  | { readonly problem: ProblemCode; readonly retryAfterS?: number }
  | { readonly tamper: (answer: { receipt: Receipt; signer: Signer; kid: Uint8Array }) => Promise<Uint8Array> }

export class TestEdge {
  policy = POLICY
  status: 'active' | 'suspended' = 'active'
  bundles: Admitted[] = []
  /** What a notice says of the last receipt. */
  lastReceipt = (said: Receipt): Receipt | undefined => said
  outcomes: Outcome[] = []
  /** The ledger has no account for the owner's wallet. */
  ownerWallet = OWNER
  /** Two people have given consent; undefined: nobody has, or somebody has withdrawn it. */
  paysUntilMs: number | undefined = Date.UTC(2100, 0)
  walletFault: WalletFault | undefined
  /** How far the request for a code to the holder is, and how often the book has not judged yet what was entered. */
  codeState = 'waiting'
  judgedAfter = 0
  /** Claimed from the owner's wallet. */
  claims: Claim[] = []
  mandated: MandatedDebit[] = []
  debits: Debit[] = []
  /** What the owner's device has answered. */
  answers: SignedClaimAnswer[] = []
  /** What the device's owner lets others take, the newest last. */
  readonly mandates: Mandate[] = []
  /** What the device's owner ordered about allowances, and how the newest one is. */
  readonly orders: { readonly encoded: string; readonly order: AllowanceOrder }[] = []
  allowance: AllowanceStanding | undefined
  /** Pushes that told another story than before; an honest device never makes one. */
  contradictions: (ProblemCode | 'counter_conflict')[] = []
  /** Taken by the next requests, one each. */
  faults: (Fault | undefined)[] = []
  /** While set, every request meets it. */
  weather: Fault | undefined
  requests: { method: string; path: string; headers: Readonly<Record<string, string>>; body?: Uint8Array }[] = []
  decide: (entry: PaymentEntry) => Omit<DecisionException, 'counter'> | undefined = () => undefined
  /** Like the real edge: a bundle whose seal does not open any more still gets its receipt. */
  findsReceiptUnopened = true
  /** Named as missing, whatever was seen. */
  missing: readonly number[] | undefined
  readonly now: () => number
  /** What its pass says besides; one with an allowance, where a test gives it one. */
  pass: Partial<Pass> = {}
  readonly deviceId: DeviceId
  #keys: HeldKey[] = []
  #keysVersion = 0
  #device: PublicKey
  #nonces = new Set<string>()
  #counters: CounterSet = []

  private constructor(now: () => number, device: PublicKey, id: DeviceId) {
    this.now = now
    this.#device = device
    this.deviceId = id
  }

  /** Another key was enrolled for the device: this one's signatures do not hold any more. */
  replaceDevice(key: PublicKey): void {
    this.#device = key
  }

  static async create(now: () => number, device: PublicKey): Promise<TestEdge> {
    const edge = new TestEdge(now, device, DEVICE)
    await edge.addKey('seal', 'active')
    await edge.addKey('receipt', 'active')
    return edge
  }

  /** The same edge, for another device: it signs with the same keys. */
  for(device: PublicKey, id: DeviceId, ownerWallet: string): TestEdge {
    const edge = new TestEdge(this.now, device, id)
    edge.ownerWallet = ownerWallet
    edge.takeKeysOf(this)
    return edge
  }

  takeKeysOf(other: TestEdge): void {
    this.#keys = [...other.#keys]
    this.#keysVersion = other.#keysVersion
  }

  async addKey(use: 'seal' | 'receipt', state: KeyState): Promise<void> {
    const scalar = random(32)
    const signer = await webCryptoSuite.es256Signer(scalar)
    const kid = await keyId(webCryptoSuite, signer.key)
    const edgeKey = { kid, use, state, publicKey: signer.key.bytes }
    const recipient = use === 'seal' ? await webCryptoSuite.recipientKey(scalar) : undefined
    this.#keysVersion++
    this.#keys.push({ edgeKey, since: this.#keysVersion, signer, ...(recipient && { recipient }) })
  }

  /** A new key takes over; the ones before go to `old`. */
  async rotate(use: 'seal' | 'receipt', old: KeyState): Promise<void> {
    this.#keys = this.#keys.map((key) =>
      key.edgeKey.use === use ? { ...key, edgeKey: { ...key.edgeKey, state: old } } : key,
    )
    await this.addKey(use, 'active')
  }

  /** Retiring keys are forgotten. */
  retire(use: 'seal' | 'receipt'): void {
    this.#keys = this.#keys.map((key) =>
      key.edgeKey.use === use && key.edgeKey.state === 'retiring'
        ? { ...key, edgeKey: { ...key.edgeKey, state: 'retired' } }
        : key,
    )
    this.#keysVersion++
  }

  get keySet(): KeySet {
    return { version: this.#keysVersion, keys: this.#keys.map(({ edgeKey }) => edgeKey) }
  }

  /** Bundles that were acknowledged are gone, as after a restore from an older backup. */
  forget(...seqs: number[]): void {
    this.bundles = this.bundles.filter(({ seq }) => !seqs.includes(seq))
    this.#counters = []
    for (const { entries } of this.bundles) {
      this.#counters = addRange(this.#counters, [entries[0]?.counter ?? 0, entries.at(-1)?.counter ?? 0])
    }
  }

  /** A bundle far ahead in the chain has brought these, such as one of a copy of the device. */
  bring(...entries: readonly PaymentEntry[]): void {
    const place = { seq: 1000 + this.bundles.length, prev: random(16), digest: random(32) }
    const bundleId = random(16)
    const said = this.#saidOf(entries, { ...place, bundleId, exceptions: [] })
    this.bundles.push({ ...place, bundleId: toHex(bundleId), said, receipt: random(64), entries })
    for (const { counter } of entries) this.#counters = addRange(this.#counters, [counter, counter])
  }

  /** Everything admitted for a counter, in whatever bundle. */
  entriesOf(counter: number): readonly PaymentEntry[] {
    return this.bundles.flatMap(({ entries }) => entries.filter((entry) => entry.counter === counter))
  }

  get counters(): readonly number[] {
    return this.bundles.flatMap(({ entries }) => entries.map(({ counter }) => counter))
  }

  /** The ledger's word on every admitted payment that has none. */
  settleAll(status: Outcome['status'] = 'succeeded'): void {
    for (const { entries } of this.bundles) {
      for (const entry of entries) {
        if (isVoided(entry) || this.outcomes.some(({ counter }) => counter === entry.counter)) continue
        this.settle(entry.counter, status)
      }
    }
  }

  settle(counter: number, status: Outcome['status'], reason?: string): void {
    const transferId = `transfer-${counter}`
    this.outcomes.push({ counter, status, atMs: this.now(), ...(reason && { reason }), transferId })
  }

  readonly fetch: Fetch = async (url, request) => {
    const path = url.slice(API.length)
    const { method, headers, body } = request
    this.requests.push({ method, path, headers, ...(body && { body }) })
    const fault = this.weather ?? this.faults.shift()
    if (fault === undefined) return this.#handle(url, request)
    if (typeof fault === 'object' && 'problem' in fault) return refused(fault.problem, this.now(), fault.retryAfterS)
    if (typeof fault === 'object') return this.#tampered(await this.#handle(url, request), fault.tamper)
    switch (fault) {
      case 'offline':
        throw new TypeError('fetch failed')
      case 'lost':
        await this.#handle(url, request)
        throw new TypeError('socket hang up')
      case 'silent':
        await this.#handle(url, request)
        return new Promise(() => undefined)
      case 'duplicated':
        await this.#handle(url, request)
        return this.#handle(url, request)
      case 'truncated': {
        const whole = await this.#handle(url, request)
        const bytes = new Uint8Array(await whole.arrayBuffer())
        return answer(whole.status, 'application/cbor', bytes.slice(0, Math.floor(bytes.length / 2)))
      }
      case 'portal':
        return answer(200, 'text/html', new TextEncoder().encode('<h1>Welcome to the Wi-Fi</h1>'))
    }
  }

  async #handle(url: string, request: HttpRequest): Promise<HttpResponse> {
    const path = url.slice(API.length)
    if (path === '/offline/keys') return answer(200, 'application/cbor', encodeKeySet(this.keySet))
    if (path === '/offline/notice') return this.#notice(url, request)
    if (path === '/offline/push' && request.body) return this.#push(request.body, request)
    if (path === '/offline/mandates' && request.body) return this.#mandate(request.body)
    if (path === '/offline/allowances' && request.body) return this.#order(request.body)
    if (path === '/offline/claims/answer' && request.body) return this.#answer(request.body)
    if (path === '/offline/consents' && request.body) return this.#takeConsent(url, request)
    if (path.startsWith('/offline/consents/code') && request.body) return this.#code(url, request)
    return refused('not_found', this.now())
  }

  async #takeConsent(url: string, request: HttpRequest): Promise<HttpResponse> {
    const proven = await this.#proves(url, request)
    if (proven === undefined) return refused('invalid_signature', this.now())
    if (!this.#inTime(proven.issuedAtMs)) return refused('clock_skew', this.now())
    const { consent } = JSON.parse(new TextDecoder().decode(request.body)) as { consent: string }
    const { word } = parseConsentWord(fromBase64url(consent))
    this.paysUntilMs = word.untilMs
    return answer(200, 'application/json', new TextEncoder().encode(JSON.stringify({ until: word.untilMs })))
  }

  async #code(url: string, request: HttpRequest): Promise<HttpResponse> {
    const proven = await this.#proves(url, request)
    if (proven === undefined) return refused('invalid_signature', this.now())
    if (!this.#inTime(proven.issuedAtMs)) return refused('clock_skew', this.now())
    const said = (what: object) => answer(200, 'application/json', new TextEncoder().encode(JSON.stringify(what)))
    if (!url.endsWith('/answer')) return said({ no: 1, until: this.now() + 900_000, state: this.codeState })
    const { no, code } = JSON.parse(new TextDecoder().decode(request.body)) as { no: number; code: string }
    if (no !== 1) return refused('state_conflict', this.now())
    if (this.judgedAfter-- > 0) return said({ state: 'waiting', tries_left: 5 })
    if (code !== HOLDERS_CODE) return said({ state: 'wrong', tries_left: 4 })
    this.paysUntilMs = Date.UTC(2100, 0)
    return said({ state: 'accepted', tries_left: 5, pays_until: this.paysUntilMs })
  }

  async #proves(url: string, request: HttpRequest): Promise<DeviceProofHeader | undefined> {
    const [scheme, token = ''] = (request.headers['Authorization'] ?? '').split(' ')
    const proof = parseDeviceProof(fromBase64url(token))
    const verifier = await webCryptoSuite.verifier(this.#device)
    const { deviceId: id, htm, htu, bodyDigest } = proof.claims
    const holds = await verifySign1(verifier, proof, 'molam-device-proof-v1')
    const names = id === this.deviceId && htm === request.method && htu === htuOf(url)
    const digest = request.body && toHex(await webCryptoSuite.sha256(request.body))
    const isOver = digest === undefined || (bodyDigest !== undefined && toHex(bodyDigest) === digest)
    return scheme === 'Molam-Device' && holds && names && isOver ? proof.claims : undefined
  }

  async #notice(url: string, request: HttpRequest): Promise<HttpResponse> {
    const proven = await this.#proves(url, request)
    if (proven === undefined) return refused('invalid_signature', this.now())
    if (!this.#inTime(proven.issuedAtMs)) return refused('clock_skew', this.now())
    return answer(200, 'application/cbor', await this.signNotice(request.headers, { answersNonce: proven.nonce }))
  }

  async #answer(body: Uint8Array): Promise<HttpResponse> {
    const { answer: encoded } = JSON.parse(new TextDecoder().decode(body)) as { answer: string }
    const signed = parseClaimAnswer(fromBase64url(encoded))
    const verifier = await webCryptoSuite.verifier(this.#device)
    if (!(await verifySign1(verifier, signed, 'molam-claim-answer-v1'))) return refused('invalid_signature', this.now())
    const { takerId, counter, choice } = signed.answer
    const before = this.answers.find(({ answer }) => answer.takerId === takerId && answer.counter === counter)
    if (before === undefined) this.answers.push(signed)
    else if (before.answer.choice !== choice) return refused('state_conflict', this.now())
    this.claims = this.claims.filter((claim) => claim.takerId !== takerId || claim.counter !== counter)
    return answer(200, 'application/json', new TextEncoder().encode(JSON.stringify({ choice })))
  }

  async #mandate(body: Uint8Array): Promise<HttpResponse> {
    const { mandate: encoded } = JSON.parse(new TextDecoder().decode(body)) as { mandate: string }
    const signed = parseMandate(fromBase64url(encoded))
    const verifier = await webCryptoSuite.verifier(this.#device)
    if (!(await verifySign1(verifier, signed, 'molam-mandate-v1'))) return refused('invalid_signature', this.now())
    const { no } = signed.mandate
    if (no > this.now() && !this.#inTime(no)) return refused('clock_skew', this.now())
    if (no < (this.mandates.at(-1)?.no ?? 0)) return refused('state_conflict', this.now())
    if (no !== this.mandates.at(-1)?.no) this.mandates.push(signed.mandate)
    return answer(200, 'application/json', new TextEncoder().encode(JSON.stringify({ no })))
  }

  /** Opens what is asked for at once, as the ledger does when the money is there. */
  async #order(body: Uint8Array): Promise<HttpResponse> {
    const { order: encoded } = JSON.parse(new TextDecoder().decode(body)) as { order: string }
    const signed = parseAllowanceOrder(fromBase64url(encoded))
    const verifier = await webCryptoSuite.verifier(this.#device)
    if (!(await verifySign1(verifier, signed, 'molam-allowance-order-v1')))
      return refused('invalid_signature', this.now())
    const { order } = signed
    if (this.orders.at(-1)?.encoded !== encoded) {
      const isOpen = this.allowance?.state === 'open'
      if (isOpen === (order.choice === 'open')) return refused('state_conflict', this.now())
      this.orders.push({ encoded, order })
      const { no } = order
      if (order.choice === 'open') {
        this.allowance = { no, ceiling: order.ceiling, state: 'open', untilMs: this.now() + 7 * 86_400_000 }
        this.pass = { ...this.pass, allowance: { no, ceiling: amountMinor(order.ceiling) } }
      } else {
        this.allowance = { no, ceiling: this.allowance?.ceiling ?? 1, state: 'closing' }
        const { allowance: _, ...pass } = this.pass
        this.pass = pass
      }
    }
    return answer(200, 'application/json', new TextEncoder().encode(JSON.stringify({ no: order.no })))
  }

  #inTime(atMs: number): boolean {
    return Math.abs(atMs - this.now()) <= this.policy.maxClockSkewMinutes * 60_000
  }

  /** The eleven checks, in their order (docs/protocol.md §7.1). */
  async #push(body: Uint8Array, request: HttpRequest): Promise<HttpResponse> {
    const bundle = parseBundle(body)
    const { claims } = bundle
    const verifier = await webCryptoSuite.verifier(this.#device)
    if (claims.deviceId !== this.deviceId || !(await verifySign1(verifier, bundle, ''))) {
      return refused('invalid_signature', this.now())
    }
    if (this.status !== 'active') return refused('device_suspended', this.now())
    if (!this.#inTime(claims.signedAtMs)) return refused('clock_skew', this.now())
    const digest = await webCryptoSuite.sha256(bundle.payload)
    const opened = await openBundle(webCryptoSuite, async (kid) => this.#recipient(kid), bundle)
    const same = this.bundles.find(({ bundleId }) => bundleId === toHex(claims.bundleId))
    const repeated = same && equalBytes(same.digest, digest)
    if (!opened.ok && !(repeated && this.findsReceiptUnopened)) return refused(opened.error.code, this.now())
    if (repeated) return this.#pushed(same.receipt, request, claims)
    if (same) return this.#contradiction('bundle_conflict')
    if (this.#nonces.has(toHex(claims.nonce))) return this.#contradiction('nonce_replayed')
    const link = { seq: claims.seq, prev: claims.prev, digest }
    if (chainStep(link, neighboursIn(this.bundles, link)).kind === 'fork') {
      this.status = 'suspended'
      return this.#contradiction('chain_fork')
    }
    if (!opened.ok) throw new Error('unreachable')
    return this.#pushed(await this.#admit(bundle, digest, opened.value.entries), request, claims)
  }

  #contradiction(code: ProblemCode): HttpResponse {
    this.contradictions.push(code)
    return refused(code, this.now())
  }

  #saidOf(
    entries: readonly PaymentEntry[],
    place: Pick<Receipt, 'bundleId' | 'digest' | 'seq' | 'exceptions'>,
  ): Receipt {
    const { country, version: policyVersion } = this.policy
    const of = { deviceId: this.deviceId, receivedAtMs: this.now(), status: 'pushed', country, policyVersion } as const
    const [firstCounter, lastCounter] = [entries[0]?.counter ?? 0, entries.at(-1)?.counter ?? 0]
    return { ...of, ...place, firstCounter, lastCounter }
  }

  async #admit({ claims }: Bundle, digest: Uint8Array, entries: readonly PaymentEntry[]): Promise<Uint8Array> {
    const exceptions = entries.flatMap((entry): DecisionException[] => {
      const { counter } = entry
      const copy = { counter, decision: 'refused', reason: 'duplicate' } as const
      const [known] = this.entriesOf(counter)
      if (known && isVoided(known) !== isVoided(entry)) {
        this.contradictions.push('counter_conflict')
        return [copy]
      }
      if (isVoided(entry)) return []
      if (hasCounter(this.#counters, counter)) return [copy]
      const decision = this.decide(entry)
      return decision ? [{ counter, ...decision }] : []
    })
    const said = this.#saidOf(entries, { bundleId: claims.bundleId, digest, seq: claims.seq, exceptions })
    const { firstCounter: first, lastCounter: last } = said
    const receipt = await this.#signReceipt(said)
    // Nothing may be awaited between this and the answer's state: two pushes at once are admitted one after the other.
    const raced = this.bundles.find(({ bundleId }) => bundleId === toHex(claims.bundleId))
    if (raced) return raced.receipt
    this.#nonces.add(toHex(claims.nonce))
    this.#counters = addRange(this.#counters, [first, last])
    const { seq, prev, bundleId } = claims
    this.bundles.push({ seq, prev, digest, bundleId: toHex(bundleId), said, receipt, entries })
    return receipt
  }

  async #pushed(receipt: Uint8Array, { headers }: HttpRequest, { relay }: BundleHeader): Promise<HttpResponse> {
    const notice = relay ? await this.#signRelayed(headers) : await this.signNotice(headers)
    return answer(200, 'application/cbor', encodePushResponse(receipt, notice))
  }

  /** Like the real edge: what a carrier is told says nothing of the device. */
  #signRelayed(headers: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const { signer, kid } = this.#receiptSigner()
    const cursor = Number(headers['Molam-Cursor'] ?? 0)
    const notice = encodeNotice({ deviceId: this.deviceId, serverTimeMs: this.now(), outcomes: [], cursor })
    return signAsEdge(signer, kid, notice, 'molam-notice-v1')
  }

  /** Notices as the real edge makes them: without a cursor the facts and no outcomes. */
  async signNotice(
    headers: Readonly<Record<string, string>>,
    over: { serverTimeMs?: number; answersNonce?: Uint8Array } = {},
  ) {
    const number = (name: string) => (headers[name] === undefined ? undefined : Number(headers[name]))
    const cursor = number('Molam-Cursor')
    const outcomes = cursor === undefined ? [] : this.outcomes.slice(cursor, cursor + OUTCOMES_PER_NOTICE_MAX)
    const missing = this.missing ?? missingCounters(this.#counters, 200)
    const head = [...this.bundles].sort((a, b) => b.seq - a.seq)[0]
    const next = { nextCounter: highestCounter(this.#counters) + 1, nextSeq: (head?.seq ?? 0) + 1 }
    const last = head && this.lastReceipt(head.said)
    const { signer, kid } = this.#receiptSigner(number('Molam-Keys-Version'))
    const notice = encodeNotice({
      deviceId: this.deviceId,
      serverTimeMs: this.now(),
      outcomes,
      cursor: cursor === undefined ? this.outcomes.length : cursor + outcomes.length,
      ...((number('Molam-Policy-Version') ?? 0) < this.policy.version && { policy: this.policy }),
      ...((number('Molam-Keys-Version') ?? 0) < this.keySet.version && { keys: this.keySet }),
      ...(missing.length > 0 && { missing }),
      ...(this.walletFault && { ownerWalletFault: this.walletFault }),
      ...(this.claims.length > 0 && { claims: this.claims }),
      ...(this.mandated.length > 0 && { mandated: this.mandated }),
      ...(this.debits.length > 0 && { debits: this.debits }),
      ...(this.allowance && { allowance: this.allowance }),
      ...(this.paysUntilMs !== undefined && { paysUntilMs: this.paysUntilMs }),
      ...(number('Molam-Pass') === 1 && this.paysUntilMs !== undefined && { pass: await this.signPass() }),
      ...(cursor !== undefined && Math.max(next.nextCounter, next.nextSeq) <= COUNTER_MAX && { next }),
      ...(cursor === undefined && {
        device: {
          ownerWallet: this.ownerWallet,
          ...next,
          prev: head ? prevOf(head.digest) : GENESIS_PREV,
          today: this.#today(),
        },
        ...(last && { lastReceipt: last }),
      }),
      ...over,
    })
    return signAsEdge(signer, kid, notice, 'molam-notice-v1')
  }

  /** A pass for the device, good for a week. */
  signPass(over: Partial<Pass> = {}): Promise<Uint8Array> {
    const { signer, kid } = this.#receiptSigner()
    const key = compressKey(this.#device) ?? new Uint8Array()
    const fromMs = 1000 * Math.floor(this.now() / 1000)
    const [of, good] = [
      { wallet: this.ownerWallet, deviceId: this.deviceId, key },
      { fromMs, untilMs: fromMs + 7 * DAY_MS, currency: this.policy.currency, paymentMax: amountMinor(100_000) },
    ]
    return signPass(signer, kid, { ...of, ...good, level: 'none', ...this.pass, ...over })
  }

  #today(): DayTotal {
    const day = calendarDay(this.now(), this.policy.timeZone)
    const known = new Map(this.bundles.flatMap(({ entries }) => entries.map((entry) => [entry.counter, entry])))
    const amounts = [...known.values()].flatMap((entry) =>
      isPayment(entry) && calendarDay(entry.initiatedAtMs, this.policy.timeZone) === day ? [entry.amount] : [],
    )
    return { day, count: amounts.length, value: amounts.reduce((sum, amount) => sum + amount, 0) }
  }

  /** As the real edge: the active key, or the newest one that who has these keys knows of. */
  #receiptSigner(keysVersion = this.#keysVersion): { signer: Signer; kid: Uint8Array } {
    const usable = this.#keys.filter(({ edgeKey }) => edgeKey.use === 'receipt' && edgeKey.state !== 'retired')
    const active = usable.find(({ edgeKey }) => edgeKey.state === 'active')
    const key = usable.findLast(({ since }) => since <= keysVersion) ?? active
    if (key?.signer === undefined) throw new Error('no receipt key')
    return { signer: key.signer, kid: key.edgeKey.kid }
  }

  #signReceipt(receipt: Receipt): Promise<Uint8Array> {
    const { signer, kid } = this.#receiptSigner()
    return signAsEdge(signer, kid, encodeReceipt(receipt), 'molam-receipt-v1')
  }

  async #tampered(
    whole: HttpResponse,
    tamper: (answer: { receipt: Receipt; signer: Signer; kid: Uint8Array }) => Promise<Uint8Array>,
  ): Promise<HttpResponse> {
    const admitted = this.bundles.at(-1)
    if (whole.status !== 200 || admitted === undefined) return whole
    const receipt: Receipt = {
      deviceId: this.deviceId,
      bundleId: new Uint8Array(admitted.bundleId.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []),
      digest: admitted.digest,
      seq: admitted.seq,
      receivedAtMs: this.now(),
      status: 'pushed',
      firstCounter: admitted.entries[0]?.counter ?? 0,
      lastCounter: admitted.entries.at(-1)?.counter ?? 0,
      exceptions: [],
      country: this.policy.country,
      policyVersion: this.policy.version,
    }
    return answer(200, 'application/cbor', await tamper({ receipt, ...this.#receiptSigner() }))
  }

  #recipient(kid: Uint8Array): RecipientKey | undefined {
    return this.#keys.find(({ edgeKey }) => edgeKey.state !== 'retired' && equalBytes(edgeKey.kid, kid))?.recipient
  }
}

export function answer(status: number, type: string, body: Uint8Array, headers: Record<string, string> = {}) {
  const all: Record<string, string> = { 'content-type': type, ...headers }
  return {
    status,
    headers: { get: (name: string) => all[name.toLowerCase()] ?? null },
    arrayBuffer: async () => new Uint8Array(body).buffer,
    text: async () => new TextDecoder().decode(body),
  }
}

function refused(code: ProblemCode, nowMs: number, retryAfterS?: number): HttpResponse {
  const body = problem(code, code === 'clock_skew' ? { server_time: nowMs } : {})
  const headers = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }
  return answer(body.status, PROBLEM_MEDIA_TYPE, new TextEncoder().encode(JSON.stringify(body)), headers)
}
