import type { DeviceId } from '../../src/protocol/ids.ts'
import { isPayment, type Payment, type PaymentEntry } from '../../src/protocol/payment.ts'
import { approve } from './approval.ts'
import { authorize } from './authorization.ts'
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

/** The entries with the word of those who pay, and of an agent. */
export function withWords(entries: readonly PaymentEntry[], taker: Taker): Promise<PaymentEntry[]> {
  return Promise.all(entries.map((entry) => (isPayment(entry) ? word(entry, taker) : entry)))
}

/** The same payment in another bundle is the same payment. */
const words = new WeakMap<Payment, Promise<Payment>>()

function word(payment: Payment, taker: Taker): Promise<Payment> {
  const known = words.get(payment) ?? sign(payment, taker)
  words.set(payment, known)
  return known
}

async function sign(payment: Payment, { id, ownerWallet }: Taker): Promise<Payment> {
  const isLarge = payment.amount > LARGE && payment.approval === undefined
  return {
    ...payment,
    ...(isClaim(payment, ownerWallet) && { authorization: await authorize(await phoneOf(payment.sender), payment) }),
    ...(isLarge && { approval: await approve(await agentPhone(), payment, id) }),
  }
}
