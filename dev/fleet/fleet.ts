import { join } from 'node:path'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { loadMarketDay, type MarketDevice, marketWallets } from '../market-day.ts'
import { seededRandom } from '../random.ts'
import type { Stack } from '../stack.ts'
import { registerDevice } from './admin.ts'
import { AgentPhone } from './agent.ts'
import { fileStorage } from './file-storage.ts'
import { Holders } from './holder.ts'
import { registerPhone } from './holders-code.ts'
import { FleetDevice } from './market-device.ts'
import { passesOf } from './pass.ts'
import { asksForPhone, PayerPhone } from './payer.ts'
import { fundWallets } from './wallets.ts'

/** The market: its wallets have accounts, its devices are registered, its customers' phones can confirm payments. */
export interface Fleet {
  readonly devices: readonly FleetDevice[]
  readonly deviceIds: readonly string[]
  readonly holders: Holders
}

export interface FleetOptions {
  readonly payments: number
  readonly devices: number
  readonly seed: number
  /** Names this day: its devices and wallets are new. The same payment twice within a minute looks like a copy. */
  readonly run: string
  /** Where devices keep their journals. */
  readonly dir: string
}

/** Begins the device id of a customer's phone. */
export const PAYER_PREFIX = 'PAY-'

/** Calls under way at once. */
const PARALLEL = 8

export async function enrolFleet(stack: Stack, options: FleetOptions): Promise<Fleet> {
  const plans = loadMarketDay(options)
  // Of an agent who takes no part in anything that he approves.
  const agentWallet = `W-SN-A900-${options.run}`
  const wallets = [...marketWallets(plans).map(({ wallet }) => wallet), agentWallet]
  await fundWallets(stack.database.owner, wallets, { reference: `market:${options.run}`, seed: options.seed })
  const token = await stack.issuer.token('market-day', ['pay_admin'])
  const second = await stack.issuer.token('market-night', ['pay_admin'])
  const phones = new Map<string, PayerPhone>()
  const passes = passesOf(stack.edge.url)
  await inParallel(payersToConfirm(plans), async ({ wallet, country }) => {
    const signer = await webCryptoSuite.es256Signer(newPrivateKey())
    const phone = new PayerPhone(`${PAYER_PREFIX}${wallet}`, wallet, signer, webCryptoSuite, passes)
    const facts = { deviceId: phone.deviceId, country, ownerWallet: wallet, signer }
    await registerPhone(stack, token, facts)
    // While there is a network; at the counter there is none.
    await passes(phone, Date.now())
    phones.set(wallet, phone)
  })
  const agent = new AgentPhone(
    `AGENT-${options.run}`,
    await webCryptoSuite.es256Signer(newPrivateKey()),
    webCryptoSuite,
  )
  const agentFacts = {
    deviceId: agent.deviceId,
    country: 'SN',
    ownerWallet: agentWallet,
    signer: agent.signer,
  } as const
  await registerDevice(stack.edge.url, token, agentFacts, second)
  const random = seededRandom(options.seed)
  const entries = plans.map((plan) => ({ plan, deviceId: plan.deviceId, key: newPrivateKey() }))
  const devices = entries.map(
    ({ plan, deviceId, key }) =>
      new FleetDevice(
        {
          apiUrl: stack.edge.url,
          deviceId,
          privateKey: key,
          storage: fileStorage(join(options.dir, deviceId)),
          random: seededRandom(Math.floor(random() * 2 ** 32)),
          phoneOf: (wallet) => phones.get(wallet),
          agent,
        },
        plan,
      ),
  )
  await inParallel(entries, async ({ plan, deviceId, key }, index) => {
    const signer = await webCryptoSuite.es256Signer(key)
    const { country, ownerWallet } = plan
    await registerDevice(stack.edge.url, token, { deviceId, country, ownerWallet, signer }, second)
    const device = devices[index]
    if (device === undefined) throw new Error('a device for each plan')
    // The first contact, in the shop with the good network; the day starts without one.
    device.network.up = true
    const state = await device.sdk.initialize()
    if (state.status !== 'ready') {
      throw new Error(`${deviceId} is ${state.status} after its enrolment`, { cause: 'error' in state && state.error })
    }
    device.network.up = false
  })
  const deviceIds = entries.map(({ deviceId }) => deviceId)
  return { devices, deviceIds, holders: new Holders(stack.edge.url, phones) }
}

/** Customers whose word somebody else's device needs. */
export function payersToConfirm(plans: readonly MarketDevice[]) {
  const payers = new Map<string, MarketDevice['country']>()
  for (const plan of plans) {
    for (const payment of plan.payments) {
      if (asksForPhone(payment, plan)) payers.set(payment.sender, plan.country)
    }
  }
  return [...payers].map(([wallet, country]) => ({ wallet, country }))
}

/** Works on many items, a few at a time. */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) await work(items[index] as T, index)
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker))
}

function newPrivateKey(): Uint8Array {
  // A scalar of P-256 is below its order with all but 2^-32 of random 32 bytes; the first byte is lowered for the rest.
  const key = crypto.getRandomValues(new Uint8Array(32))
  key[0] = (key[0] ?? 0) & 0x7f
  return key
}
