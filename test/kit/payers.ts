import type { DeviceId } from '../../src/protocol/ids.ts'
import { isPayment, type Payment, type PaymentEntry } from '../../src/protocol/payment.ts'
import { approve } from './approval.ts'
import { authorized, type Bent } from './authorization.ts'
import { TestDevice } from './device.ts'

/**
 * Customers with a phone, and an agent with one. What a test device takes from somebody else's wallet carries that wallet's word, as it does at a
 * counter where the customer has a phone: tests of anything else need not care. A large payment carries the agent's approval,
 * likewise. What may not be claimed at all is left as it
 * is, and so is a device's bundle whose `signsForPayers` is off.
 */
const phones = new Map<string, Promise<TestDevice>>()

/** The phone of the holder of a wallet, always the same one. */
export function phoneOf(wallet: string): Promise<TestDevice> {
  const known = phones.get(wallet) ?? TestDevice.create(wallet)
  phones.set(wallet, known)
  return known
}

/** Whether somebody has asked for it. */
export const hasPhone = (wallet: string): boolean => phones.has(wallet)

/** Above it the default policy asks for the payer's word before it takes a payment: a test that lacks it means that. */
const SMALL = 10_000

function isClaim({ sender, receiver, type, amount, authorization }: Payment, ownerWallet: string): boolean {
  const isSmall = amount <= SMALL && type !== 'cashout' && receiver === ownerWallet
  return authorization === undefined && sender !== ownerWallet && isSmall
}

/** Above it the default policy asks for an agent's approval. */
const LARGE = 50_000

/** The agent who approves what test devices take; his wallet is in no payment. */
let agent: Promise<TestDevice> | undefined
export function agentPhone(): Promise<TestDevice> {
  agent ??= TestDevice.create('W-AGENT')
  return agent
}

/** Whether somebody has asked for it. */
export const hasAgent = (): boolean => agent !== undefined

interface Taker {
  readonly id: DeviceId
  readonly ownerWallet: string
}

const BY = Symbol('payer')

interface Marked extends Payment {
  readonly [BY]?: { readonly payer: TestDevice; readonly bent: Bent }
}

/** A payment that this device signs as its payer, unless another one was named before, once it is known which device takes it: when its bundle is sealed. */
export const signedBy = (payer: TestDevice, payment: Payment, bent: Bent = {}): Payment =>
  ({ [BY]: { payer, bent }, ...payment }) as Marked

/** The entries with the word of those who pay, and of an agent. @param forAll also of those that no test has named */
export function withWords(entries: readonly PaymentEntry[], taker: Taker, forAll: boolean): Promise<PaymentEntry[]> {
  const isOwed = (entry: Marked) => forAll || entry[BY] !== undefined
  return Promise.all(entries.map((entry) => (isPayment(entry) && isOwed(entry) ? word(entry, taker, forAll) : entry)))
}

/** The same payment in another bundle is the same payment. */
const words = new WeakMap<Payment, Promise<Payment>>()

function word(payment: Payment, taker: Taker, forAll: boolean): Promise<Payment> {
  const known = words.get(payment) ?? sign(payment, taker, forAll)
  words.set(payment, known)
  return known
}

async function sign(marked: Marked, { id, ownerWallet }: Taker, forAll: boolean): Promise<Payment> {
  const { [BY]: by, ...payment } = marked
  const payer = by?.payer ?? (forAll && isClaim(payment, ownerWallet) ? await phoneOf(payment.sender) : undefined)
  const signed = payer === undefined ? payment : await authorized(payer, payment, id, by?.bent)
  const isLarge = forAll && payment.amount > LARGE && payment.approval === undefined
  return isLarge ? { ...signed, approval: await approve(await agentPhone(), payment, id) } : signed
}
