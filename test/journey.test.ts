import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerDevice } from '../dev/fleet/admin.ts'
import { registerPhone } from '../dev/fleet/holders-code.ts'
import { deviceNetwork } from '../dev/fleet/network.ts'
import { passesOf } from '../dev/fleet/pass.ts'
import { PayerPhone } from '../dev/fleet/payer.ts'
import { fundWallets } from '../dev/fleet/wallets.ts'
import { newSecrets } from '../dev/secrets.ts'
import { type Stack, startStack } from '../dev/stack.ts'
import { webCryptoSuite } from '../src/crypto/webcrypto.ts'
import { memoryStorage, OfflineSDK, scalarKeyStore } from '../src/device/sdk/index.ts'
import { listAudit } from '../src/edge/store/audit.ts'
import { encodePaymentAnswer } from '../src/protocol/payment-request.ts'
import { bundleOnTheWire, until } from './kit/journey.ts'
import { useDatabase } from './reconciler/database.ts'

/**
 * The file to read first. One payment, all the way: taken offline, sealed and signed, pushed through workerd, admitted by
 * its Device Object, pulled from the queue, verified again, confirmed by the customer, who had said no word before, posted to
 * the ledger in Postgres, shown in D1, and its outcome back on the device. Everything is real but the network's moods.
 */
const DEVICE = 'POS-JOURNEY-1'
const SHOP = 'W-SN-M900'
const CUSTOMER = 'W-SN-C900'
const PHONE = 'PHONE-JOURNEY-1'
const PRIVATE_KEY = new Uint8Array(32).fill(7)
const PHONE_KEY = new Uint8Array(32).fill(8)

const database = useDatabase()
let dir: string
let stack: Stack
let book: pg.Client
let sdk: OfflineSDK
/** The customer's. */
let phone: OfflineSDK
const network = deviceNetwork(() => 1)
const disk = new Map<string, string>()
const storage = memoryStorage(disk)

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'molam-journey-'))
  const { logins, ownerUrl: owner } = database()
  stack = await startStack({ dataDir: dir, secrets: await newSecrets(), database: { ...logins, owner } })
  book = new pg.Client(stack.database.owner)
  await book.connect()
  await fundWallets(stack.database.owner, [SHOP, CUSTOMER], { reference: 'journey', seed: 3 })
})

afterAll(async () => {
  await sdk?.destroy()
  await phone?.destroy()
  await book?.end()
  await stack?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const balance = async (wallet: string) => {
  const { rows } = await book.query('SELECT balance_minor FROM wallet_core.balances WHERE wallet_id = $1', [wallet])
  return Number(rows[0]?.balance_minor)
}

describe('one payment, from a device without a network to the ledger and back', () => {
  let before: { shop: number; customer: number }
  let localId: string

  it('0. an operator registers the devices, and they learn policy and keys on their first contact', async () => {
    const token = await stack.issuer.token('ops', ['pay_admin'])
    const second = await stack.issuer.token('ops-2', ['pay_admin'])
    const facts = async (deviceId: string, ownerWallet: string, key: Uint8Array) => {
      return { deviceId, country: 'SN', ownerWallet, signer: await webCryptoSuite.es256Signer(key) } as const
    }
    await registerDevice(stack.edge.url, token, await facts(DEVICE, SHOP, PRIVATE_KEY), second)
    await registerPhone(stack, token, await facts(PHONE, CUSTOMER, PHONE_KEY))
    phone = new OfflineSDK({
      apiUrl: stack.edge.url,
      deviceId: PHONE,
      storage: memoryStorage(),
      atRest: 'none',
      keyStore: scalarKeyStore(webCryptoSuite, PHONE_KEY),
    })
    expect((await phone.initialize()).status).toBe('ready')
    sdk = new OfflineSDK({
      apiUrl: stack.edge.url,
      deviceId: DEVICE,
      storage,
      atRest: 'none',
      keyStore: scalarKeyStore(webCryptoSuite, PRIVATE_KEY),
      fetch: network.fetch,
    })
    network.up = true
    expect((await sdk.initialize()).status).toBe('ready')
    network.up = false
  })

  it('1. without a network the payment is taken, and it is on disk', async () => {
    before = { shop: await balance(SHOP), customer: await balance(CUSTOMER) }
    const payment = await sdk.createOfflineTransaction({
      type: 'merchant',
      amount: 2500,
      currency: 'XOF',
      sender: CUSTOMER,
      receiver: SHOP,
    })
    localId = payment.localId
    expect(payment).toMatchObject({ localId: `${DEVICE}/1`, status: 'pending_offline', receipted: false })
    expect(payment.guarantee, 'the customer has not said yes').toBe('claimed')
    expect([...disk.keys()].some((key) => key.includes('payment'))).toBe(true)
  })

  it('2. a sync without a network changes nothing but says so', async () => {
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1 })
    expect(sdk.getTransaction(localId)?.status).toBe('pending_offline')
  })

  it('3–4. with a network the edge admits the bundle, and the device holds a verified receipt', async () => {
    network.up = true
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
    expect(sdk.getTransaction(localId)).toMatchObject({ receipted: true, status: 'claimed' })
  })

  it('5–7. the reconciler records it, moves nothing, and the customer is asked', async () => {
    await until(async () => {
      await phone.syncNow()
      return phone.claims().length === 1
    })
    expect(phone.claims()).toMatchObject([{ localId, amount: 2500, currency: 'XOF', receiver: SHOP }])
    expect(await balance(CUSTOMER)).toBe(before.customer)
    await phone.answerClaim(localId, 'confirm')
    expect(phone.claims()).toEqual([])
  })

  it('8. the customer has said yes: two entries that sum to zero, and the money has moved', async () => {
    const row = await until(async () => {
      const { rows } = await book.query('SELECT * FROM offline_transactions WHERE device_id = $1', [DEVICE])
      return rows[0]?.status === 'claimed' ? undefined : rows[0]
    })
    expect(row).toMatchObject({ counter: '1', status: 'succeeded', amount_minor: '2500', sender: CUSTOMER })
    const { rows } = await book.query(
      'SELECT amount_minor::int FROM wallet_core.entries WHERE transfer_id = $1 ORDER BY amount_minor',
      [row.transfer_id],
    )
    expect(rows.map(({ amount_minor }) => amount_minor)).toEqual([-2500, 2500])
    expect(await balance(SHOP)).toBe(before.shop + 2500)
    expect(await balance(CUSTOMER)).toBe(before.customer - 2500)
    const sums = await book.query('SELECT sum_minor::int AS sum FROM wallet_core.currency_sums')
    expect(sums.rows).toEqual([{ sum: 0 }])
  })

  it('9. the outcome comes back to the device with the ledger’s transfer', async () => {
    await until(async () => {
      await sdk.syncNow()
      return sdk.getTransaction(localId)?.status === 'succeeded'
    })
    const { rows } = await book.query('SELECT transfer_id FROM offline_transactions WHERE device_id = $1', [DEVICE])
    expect(sdk.getTransaction(localId)).toMatchObject({ status: 'succeeded', transferId: rows[0].transfer_id })
    expect(sdk.getPendingTransactions()).toEqual([])
  })

  it('the read model shows the bundle as accepted, without parties and amounts of single payments', async () => {
    const { bundle_id } = await bundleOnTheWire(stack, DEVICE)
    const token = await stack.issuer.token('auditor', ['pay_auditor'])
    const shown = await until(async () => {
      const answer = await fetch(`${stack.edge.url}/offline/bundles/${bundle_id}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      const body = (await answer.json()) as { status: string }
      return body.status === 'accepted' ? body : undefined
    })
    expect(shown).toMatchObject({
      device_id: DEVICE,
      status: 'accepted',
      payments: [{ local_id: localId, status: 'succeeded' }],
    })
    expect(JSON.stringify(shown)).not.toContain(CUSTOMER)
  })

  it('the same bundle pushed again gets the same receipt, and posts nothing', async () => {
    const { bundle, receipt, bundle_id } = await bundleOnTheWire(stack, DEVICE)
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(`${stack.edge.url}/offline/push`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ bundle }),
      })
      const body = (await answer.json()) as { receipt: { signed: string; bundle_id: string } }
      expect(body.receipt).toMatchObject({ signed: receipt, bundle_id })
    }
    const { rows } = await book.query("SELECT count(*)::int AS n FROM wallet_core.transfers WHERE kind = 'payment'")
    expect(rows).toEqual([{ n: 1 }])
  })

  it('every step left an audit record, at the edge and in the book', async () => {
    const edge = await stack.edge.miniflare.getD1Database('DB', 'molam-offline')
    const entries = await until(async () => {
      const found = await listAudit(edge, { deviceId: DEVICE }, 10, 'asc')
      return found.length >= 6 ? found : undefined
    })
    expect(entries.map(({ record }) => record.action)).toEqual([
      ...['device_registered', 'consent_asked', 'consent_given', 'bundle_admitted'],
      // Once as a claim, once as its payer's yes ended it.
      ...['bundle_settled', 'bundle_settled'],
    ])
    const { rows } = await book.query('SELECT count(*)::int AS n FROM offline_audit_logs WHERE device_id = $1', [
      DEVICE,
    ])
    expect(rows[0].n).toBeGreaterThanOrEqual(2)
    expect((await book.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
  })

  it('a payment without funds fails in the ledger while the rest of its bundle is posted', async () => {
    const terms = { type: 'merchant', currency: 'XOF', receiver: SHOP } as const
    await book.query(
      "SELECT wallet_core.open_account('W-SN-C901', 'XOF', 'customer', 'C901', 'molam', '+221771000901')",
    )
    const signed = async (deviceId: string, sender: string, key: Uint8Array, amount: number) => {
      const signer = await webCryptoSuite.es256Signer(key)
      const phone = new PayerPhone(deviceId, sender, signer, webCryptoSuite, passesOf(stack.edge.url))
      const { request } = await sdk.createRequest({ ...terms, amount })
      return sdk.acceptAuthorization(encodePaymentAnswer(await phone.answer(request, sdk.nowMs)))
    }
    const token = await stack.issuer.token('ops', ['pay_admin'])
    const [deviceId, ownerWallet, key] = ['PHONE-JOURNEY-2', 'W-SN-C901', new Uint8Array(32).fill(9)] as const
    const signer = await webCryptoSuite.es256Signer(key)
    await registerPhone(stack, token, { deviceId, country: 'SN', ownerWallet, signer })
    const poor = await signed(deviceId, ownerWallet, key, 9000)
    const rich = await signed(PHONE, CUSTOMER, PHONE_KEY, 100)
    expect(rich.guarantee).toBe('signed')
    await until(async () => {
      await sdk.syncNow()
      return sdk.getPendingTransactions().length === 0
    })
    expect(sdk.getTransaction(poor.localId)).toMatchObject({ status: 'failed', reason: 'insufficient_funds' })
    expect(sdk.getTransaction(rich.localId)).toMatchObject({ status: 'succeeded' })
  })
})
