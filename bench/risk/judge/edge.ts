import { createHash } from 'node:crypto'
import { type Admission, decideAdmission } from '../../../durable-objects/device/admit/admission.ts'
import { type Device, newDevice } from '../../../durable-objects/device/device.ts'
import { type ChainLink, GENESIS_PREV, prevOf } from '../../../src/protocol/chain.ts'
import { type Alg, ES256 } from '../../../src/protocol/cose.ts'
import { highestCounter } from '../../../src/protocol/counters.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { BUNDLE_ID_BYTES, KEY_ID_BYTES, NONCE_BYTES } from '../../../src/protocol/limits.ts'
import type { Outcome } from '../../../src/protocol/notice.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { moved, withOutcomes } from '../../../src/risk/reputation.ts'
import type { Actor, Push } from '../actor.ts'
import { paymentOf } from './payment.ts'
import { POLICY } from './policy.ts'

interface Admitted extends ChainLink {
  readonly timeFloorMs: number
}

/** What a device, or whoever has a copy of it, goes on from. */
interface Story {
  seq: number
  counter: number
  digest: Uint8Array | undefined
}

export interface Sent {
  readonly claims: {
    readonly deviceId: string
    readonly seq: number
    readonly signedAtMs: number
    readonly bundleId: Uint8Array
  }
  readonly countedMs: number
  readonly payments: readonly Payment[]
  readonly admission: Admission
}

const KID = new Uint8Array(KEY_ID_BYTES)

/** One device as its object holds it: the real decision (admission.ts) over rows in memory. */
export class EdgeDevice {
  device: Device
  readonly #bundles = new Map<number, Admitted>()
  readonly #own: Story = { seq: 0, counter: 0, digest: undefined }
  #copy: Story | undefined
  #digests = 0

  constructor({ id, ownerWallet, registeredAtMs }: Actor) {
    const facts: Omit<Parameters<typeof newDevice>[0], 'publicKey'> = {
      deviceId: deviceId(id),
      ownerWallet,
      policy: POLICY,
      country: POLICY.country,
      tenant: 't',
      alg: ES256 as Alg,
      kid: KID,
    }
    // Two people of its tenant have given consent for good: what is measured is risk, not authority.
    const consent = { askedBy: 'a', confirmedBy: 'b', withdrawnAtMs: null, withdrawnBy: null, signed: new Uint8Array() }
    this.device = {
      ...newDevice({ ...facts, publicKey: new Uint8Array(65) }, registeredAtMs),
      consents: [{ ...consent, thumbprint: KID, givenAtMs: 0, untilMs: Number.POSITIVE_INFINITY }],
    }
  }

  push({ payments: intents, arrivesAtMs, signedMs, sealedMs, ahead }: Push): Sent {
    const story = this.#storyOf(ahead)
    const payments = intents.map((intent, index) => paymentOf(intent, story.counter + 1 + index))
    const digest = this.#newDigest()
    const seq = story.seq + 1
    const claims = {
      alg: ES256 as Alg,
      kid: KID,
      deviceId: this.device.deviceId,
      signedAtMs: signedMs,
      bundleId: digest.slice(0, BUNDLE_ID_BYTES),
      seq,
      prev: story.digest === undefined ? GENESIS_PREV : prevOf(story.digest),
      nonce: digest.slice(0, NONCE_BYTES),
      relay: false,
    }
    Object.assign(story, { seq, counter: story.counter + payments.length, digest })
    const payload = { currency: POLICY.currency, entries: payments, countedMs: sealedMs }
    const before = this.#bundles.get(seq - 1)
    const below = this.device.bundleCount === this.device.head ? Math.min(seq - 1, this.device.head) : this.#below(seq)
    const view = {
      device: this.device,
      sameId: undefined,
      sameNonce: undefined,
      known: new Map(),
      neighbours: { head: this.device.head, before, same: this.#bundles.get(seq), after: this.#bundles.get(seq + 1) },
      missingBefore: seq - 1 - below,
      timeFloorMs: (before ?? this.#last(seq))?.timeFloorMs,
    }
    const request = {
      claims,
      digest,
      bundle: digest,
      payload,
      policy: POLICY,
      disproven: [],
      unapproved: [],
      cursor: undefined,
      requestId: '',
      carrier: undefined,
      remote: { ok: false, error: { reason: 'not_configured' } } as const,
    }
    const admission = decideAdmission(view, request, arrivesAtMs)
    this.#keep(admission, { seq, prev: claims.prev, digest }, arrivesAtMs)
    return { claims, countedMs: sealedMs, payments, admission }
  }

  /** What the device is told of its payments; it moves the reputation. */
  tell(outcomes: readonly Pick<Outcome, 'status' | 'reason'>[], atMs: number): void {
    this.device = { ...this.device, reputation: withOutcomes(this.device.reputation, outcomes, atMs) }
  }

  #keep(admission: Admission, link: ChainLink, nowMs: number): void {
    const { device } = this
    if (admission.kind === 'admit') {
      const { bundleCount } = device
      this.device = { ...device, ...admission.device, bundleCount: bundleCount + 1 }
      this.#bundles.set(link.seq, { ...link, timeFloorMs: admission.bundle.timeFloorMs })
    } else if (admission.kind === 'contradiction') {
      const isFork = admission.code === 'chain_fork'
      const reputation = moved(device.reputation, isFork ? 'fork' : 'conflict', nowMs)
      this.device = { ...device, reputation, ...(isFork && { status: 'suspended' as const }) }
    }
  }

  /** A copy begins from where the device is, with numbers that are ahead of it, and goes on by itself. */
  #storyOf(ahead: Push['ahead']): Story {
    if (ahead === undefined) return this.#own
    this.#copy ??= {
      seq: this.#own.seq + ahead.seqs,
      counter: Math.max(this.#own.counter, highestCounter(this.device.counters)) + ahead.counters,
      digest: ahead.seqs === 0 ? this.#own.digest : this.#newDigest(),
    }
    return this.#copy
  }

  #below(seq: number): number {
    return [...this.#bundles.keys()].filter((known) => known < seq).length
  }

  #last(seq: number): Admitted | undefined {
    for (let at = seq - 1; at > 0; at--) if (this.#bundles.has(at)) return this.#bundles.get(at)
    return undefined
  }

  #newDigest(): Uint8Array {
    return new Uint8Array(
      createHash('sha256')
        .update(`${this.device.deviceId} ${this.#digests++}`)
        .digest(),
    )
  }
}
