import { isPayment, type Payment, type PaymentEntry } from '../../src/protocol/payment.ts'
import { authorize } from './authorization.ts'
import { TestDevice } from './device.ts'

/**
 * Customers with a phone. What a test device takes from somebody else's wallet carries that wallet's word, as it does at a
 * counter where the customer has a phone: tests of anything else need not care. What may not be claimed at all is left as it
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

/** The entries with the word of those who pay. */
export function withWords(entries: readonly PaymentEntry[], ownerWallet: string): Promise<PaymentEntry[]> {
  return Promise.all(entries.map((entry) => (isPayment(entry) && isClaim(entry, ownerWallet) ? word(entry) : entry)))
}

/** The same payment in another bundle is the same payment. */
const words = new WeakMap<Payment, Promise<Payment>>()

function word(payment: Payment): Promise<Payment> {
  const known = words.get(payment) ?? sign(payment)
  words.set(payment, known)
  return known
}

const sign = async (payment: Payment): Promise<Payment> => ({
  ...payment,
  authorization: await authorize(await phoneOf(payment.sender), payment),
})
