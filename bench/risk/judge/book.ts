import type { Authority } from '../../../reconciler/registry/authority.ts'
import type { AuthorisedBundle } from '../../../reconciler/settle/authorise.ts'
import { type JudgedPayment, judgeAgain } from '../../../reconciler/settle/judge-again.ts'
import {
  HISTORY_MAX,
  type KnownDevice,
  PAID_OUT_DAYS,
  PAID_OUT_MAX,
  riskScorer,
  type SettledPayment,
} from '../../../reconciler/settle/risk.ts'
import { type TwinLine, twinsOf } from '../../../reconciler/settle/twins.ts'
import { authorizationOf } from '../../../src/protocol/authorization.ts'
import { guaranteeOf, type TakenBy } from '../../../src/protocol/guarantee.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { PaymentStatus } from '../../../src/protocol/states.ts'
import { DAY_MS, MINUTE_MS } from '../../../src/protocol/time.ts'
import type { Assessment } from '../../../src/risk/judge.ts'
import type { Actor, Funds, Intent } from '../actor.ts'
import type { Sent } from './edge.ts'
import { POLICY } from './policy.ts'

export interface Delivered {
  readonly sent: Sent
  readonly intents: readonly Intent[]
  readonly ownerWallet: string
}

export interface Settled {
  readonly rows: readonly BookRow[]
  readonly risk: Assessment | undefined
  readonly twins: ReadonlySet<number>
}

/** A payment as the book has it; its status changes when people decide. */
export interface BookRow {
  readonly payment: Payment
  readonly deviceId: string
  status: PaymentStatus
  reason: string | undefined
  statusAtMs: number
}

const TWIN_MS = MINUTE_MS
const GONE: readonly PaymentStatus[] = ['refused', 'failed', 'reversed']

/** The reconciler's judgement (judge-again.ts, risk.ts, twins.ts) over rows in memory, and a wallet's money where it matters. */
export class Book {
  readonly #devices = new Map<
    string,
    { ownerWallet: string; registeredAtMs: number; rows: BookRow[]; paidOut: BookRow[] }
  >()
  readonly #byTerms = new Map<string, BookRow[]>()
  readonly #funds: Map<string, number>
  #nowMs = 0
  readonly #score = riskScorer(
    { kind: 'local' },
    { fetch: () => Promise.reject(), clock: () => this.#nowMs, random: () => 0, log: QUIET },
    async (bundles) =>
      new Map(bundles.map(({ verified }) => [verified.receipt.deviceId, this.#known(verified.receipt.deviceId)])),
  )

  constructor(actors: readonly Actor[], funds: readonly Funds[]) {
    for (const { id, ownerWallet, registeredAtMs } of actors)
      this.#devices.set(id, { ownerWallet, registeredAtMs, rows: [], paidOut: [] })
    this.#funds = new Map(funds.map(({ wallet, amount }) => [wallet, amount]))
  }

  /** A batch of bundles of different devices, as the reconciler takes them. */
  async settle(batch: readonly Delivered[]): Promise<readonly Settled[]> {
    const bundles = batch.map(authorised)
    this.#nowMs = Math.max(...bundles.map(({ verified }) => verified.receipt.receivedAtMs))
    const risks = await this.#score(bundles)
    const twins = await twinsOf(bundles, async (lines) => lines.filter((line) => this.#hasTwin(line)))
    const judged = await Promise.all(
      bundles.map((bundle, at) =>
        judgeAgain(bundle, { risk: risks[at], twins: twins[at] ?? new Set(), voided: new Set() }),
      ),
    )
    return batch.map(({ sent, intents }, at) => {
      const rows = (judged[at] ?? []).map((one, index) =>
        this.#record(one, intents[index] as Intent, sent.claims.deviceId),
      )
      return { rows, risk: risks[at], twins: twins[at] ?? new Set() }
    })
  }

  /** @returns the payment's row as people left it */
  resolve(row: BookRow, status: 'succeeded' | 'failed', atMs: number): void {
    Object.assign(row, { status, reason: status === 'failed' ? 'reviewer_rejected' : undefined, statusAtMs: atMs })
    if (status === 'succeeded') this.#move(row.payment)
  }

  #record({ payment, status, reason }: JudgedPayment, intent: Intent, deviceId: string): BookRow {
    const row: BookRow = { payment, deviceId, status, reason, statusAtMs: this.#nowMs }
    // Whoever is asked answers at once, and rightly: this measures the rules and not the people.
    if (status === 'claimed' && intent.loot) Object.assign(row, { status: 'failed', reason: 'payer_refused' })
    else if (status === 'pending' || status === 'claimed') {
      const isFunded = !intent.unfunded && (this.#funds.get(payment.sender) ?? payment.amount) >= payment.amount
      Object.assign(row, isFunded ? { status: 'succeeded' } : { status: 'failed', reason: 'insufficient_funds' })
      if (isFunded) this.#move(payment)
    }
    const device = this.#devices.get(deviceId)
    if (device === undefined) throw new Error('an unknown device')
    insert(device.rows, row)
    if (status !== 'refused' && payment.sender === device.ownerWallet && payment.type !== 'cashin')
      device.paidOut.push(row)
    const terms = termsOf(payment)
    const same = this.#byTerms.get(terms)
    if (same === undefined) this.#byTerms.set(terms, [row])
    else same.push(row)
    return row
  }

  #move({ sender, receiver, amount }: Payment): void {
    for (const [wallet, change] of [
      [sender, -amount],
      [receiver, amount],
    ] as const) {
      const before = this.#funds.get(wallet)
      if (before !== undefined) this.#funds.set(wallet, before + change)
    }
  }

  #known(deviceId: string): KnownDevice {
    const device = this.#devices.get(deviceId)
    if (device === undefined) throw new Error('an unknown device')
    const payments = device.rows.slice(-HISTORY_MAX).map(settled)
    const sinceMs = this.#nowMs - PAID_OUT_DAYS * DAY_MS
    const paidOut = device.paidOut
      .filter(({ payment, status }) => payment.initiatedAtMs > sinceMs && !GONE.includes(status))
      .slice(-PAID_OUT_MAX)
      .map(settled)
    return { registeredAtMs: device.registeredAtMs, payments, paidOut, conflicts: 0 }
  }

  #hasTwin({ payment, deviceId }: TwinLine): boolean {
    return (this.#byTerms.get(termsOf(payment)) ?? []).some((row) => {
      const apartMs = Math.abs(row.payment.initiatedAtMs - payment.initiatedAtMs)
      return row.deviceId !== deviceId && apartMs <= TWIN_MS && !GONE.includes(row.status)
    })
  }
}

const settled = ({ payment: p, status, reason, statusAtMs }: BookRow): SettledPayment => {
  return [
    p.counter,
    p.type,
    p.amount,
    p.currency,
    p.sender,
    p.receiver,
    p.initiatedAtMs,
    status,
    reason ?? null,
    statusAtMs,
  ]
}

/** In the order of their counters; nearly always at the end. */
function insert(rows: BookRow[], row: BookRow): void {
  let at = rows.length
  while (at > 0 && (rows[at - 1] as BookRow).payment.counter > row.payment.counter) at--
  rows.splice(at, 0, row)
}

const termsOf = ({ sender, receiver, amount }: Payment) => `${sender} ${receiver} ${amount}`

function authorised({ sent: { claims, countedMs, payments, admission }, ownerWallet }: Delivered): AuthorisedBundle {
  if (admission.kind !== 'admit') throw new Error('nothing was admitted')
  const taker = { takerId: deviceId(claims.deviceId), ownerWallet }
  const authorities = payments.map((payment): Authority => authorityOf(payment, taker))
  const payload = { currency: POLICY.currency, entries: payments, countedMs }
  const verified = { receipt: admission.receipt, bundle: { claims }, payload }
  return {
    verified,
    policy: POLICY,
    taker: { deviceId: claims.deviceId, ownerWallet, statedUntilMs: Number.POSITIVE_INFINITY },
    payments,
    authorities,
    approvals: payments.map(() => ({ kind: 'not_needed' })),
    unknownSigners: [],
    awaitsConsent: false,
  } as unknown as AuthorisedBundle
}

function authorityOf(payment: Payment, taker: TakenBy & { readonly ownerWallet: string }): Authority {
  if (payment.sender === taker.ownerWallet) return { kind: 'own_device' }
  if (guaranteeOf(payment, taker) === 'claimed') return { kind: 'claimed' }
  const proof = authorizationOf(payment, taker.takerId)
  if (proof === undefined) return { kind: 'none' }
  return { kind: 'signed', payerDeviceId: proof.pass.deviceId, requestId: proof.claims.requestId }
}

const nothing = () => undefined
const QUIET = { debug: nothing, info: nothing, warn: nothing, error: nothing } as unknown as Parameters<
  typeof riskScorer
>[1]['log']
