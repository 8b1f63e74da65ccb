import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { registerDevice } from '../dev/fleet/admin.ts'
import { registerPhone } from '../dev/fleet/holders-code.ts'
import { passesOf } from '../dev/fleet/pass.ts'
import { PayerPhone } from '../dev/fleet/payer.ts'
import { fundWallets } from '../dev/fleet/wallets.ts'
import { newSecrets } from '../dev/secrets.ts'
import { type Stack, startStack } from '../dev/stack.ts'
import { localKeys } from '../src/crypto/local-keys.ts'
import { webCryptoSuite } from '../src/crypto/webcrypto.ts'
import { memoryStorage, OfflineSDK, scalarKeyStore } from '../src/device/sdk/index.ts'
import { BUNDLE_MEDIA_TYPE } from '../src/protocol/bundle.ts'
import { toHex } from '../src/protocol/bytes.ts'
import { decodeCbor } from '../src/protocol/cbor.ts'
import { keySetFromCbor } from '../src/protocol/keyset.ts'
import { currency } from '../src/protocol/money.ts'
import { signPassesWith } from './kit/authorization.ts'
import { TestDevice } from './kit/device.ts'
import { bundleOnTheWire, until } from './kit/journey.ts'
import { useDatabase } from './reconciler/database.ts'

/** What SIRA says, or fails to say, on a push: through the whole stack, with the stand-in on real HTTP. */
const database = useDatabase()
const [SHOP, CUSTOMER] = ['W-SN-M910', 'W-SN-C910']
let dir: string
let stack: Stack
let book: pg.Client
let phone: PayerPhone
let sdk: OfflineSDK
let id: string

const token = (who: string) => stack.issuer.token(who, ['pay_admin'])

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'molam-risk-'))
  const { logins, ownerUrl: owner } = database()
  const secrets = await newSecrets()
  signPassesWith(await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET))
  stack = await startStack({ dataDir: dir, secrets, database: { ...logins, owner } })
  book = new pg.Client(owner)
  await book.connect()
  await fundWallets(owner, [SHOP, CUSTOMER], { reference: 'risk', seed: 5 })
  const signer = await webCryptoSuite.es256Signer(crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1))
  const facts = { deviceId: 'TEL-RISK-1', country: 'SN', ownerWallet: CUSTOMER, signer } as const
  await registerPhone(stack, await token('ops'), facts)
  phone = new PayerPhone(facts.deviceId, CUSTOMER, signer, webCryptoSuite, passesOf(stack.edge.url))
})

afterAll(async () => {
  await book.end()
  await stack?.stop()
  rmSync(dir, { recursive: true, force: true })
})

beforeEach(async () => {
  stack.sira.mode = { kind: 'normal' }
  id = `POS-RISK-${crypto.randomUUID().slice(0, 8)}`
  const key = crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1)
  const signer = await webCryptoSuite.es256Signer(key)
  await registerDevice(
    stack.edge.url,
    await token('ops'),
    { deviceId: id, country: 'SN', ownerWallet: SHOP, signer },
    await token('ops-2'),
  )
  const keyStore = scalarKeyStore(webCryptoSuite, key)
  sdk = new OfflineSDK({
    apiUrl: stack.edge.url,
    deviceId: id,
    storage: memoryStorage(),
    atRest: 'none',
    keyStore,
    suite: webCryptoSuite,
  })
  await sdk.initialize()
})

/** What the reconciler made of the device's first payment. */
const inTheBook = () =>
  until(async () => {
    const query = 'SELECT status, reason FROM offline_transactions WHERE device_id = $1 AND counter = 1'
    return (await book.query<{ status: string; reason: string }>(query, [id])).rows[0]
  })
const transfers = async () => {
  const query = 'SELECT source_no, amount_minor FROM wallet_core.transfers WHERE source_id = $1 ORDER BY source_no'
  const { rows } = await book.query<{ source_no: string; amount_minor: string }>(query, [id])
  return rows.map((row) => ({ source_no: Number(row.source_no), amount_minor: Number(row.amount_minor) }))
}

/** With the customer's word. */
const take = async (amount: number) => {
  const terms = { type: 'merchant', amount, currency: 'XOF', sender: CUSTOMER, receiver: SHOP } as const
  return sdk.createOfflineTransaction({
    ...terms,
    authorization: await phone.authorize(terms, { takerId: id, atMs: sdk.nowMs }),
  })
}

/** Pushes one payment. @returns its status after the push, and what the edge keeps of its risk */
async function pushed(amount: number) {
  const { localId } = await take(amount)
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  const token = await stack.issuer.token('auditor', ['pay_auditor'])
  const { bundle_id } = await bundleOnTheWire(stack, id)
  const headers = { authorization: `Bearer ${token}` }
  const shown = await until(async () => {
    const answer = await fetch(`${stack.edge.url}/offline/bundles/${bundle_id}`, { headers })
    return answer.ok ? ((await answer.json()) as { risk: { score: number; reasons: unknown } }) : undefined
  })
  return { payment: sdk.getTransaction(localId), risk: shown.risk }
}

it.each([
  ['in the middle', 2777, 0.25, 'review', 'risk_review'],
  ['that is high', 2666, 0.9, 'quarantined', 'risk_rejected'],
] as const)(
  'a score %s holds the payment: the book has it, and posts nothing',
  async (_, amount, score, status, reason) => {
    const { payment, risk } = await pushed(amount)
    expect(payment).toMatchObject({ status, reason })
    expect(risk).toMatchObject({ score, reasons: { scored_by: 'sira' } })
    expect(await inTheBook()).toEqual({ status, reason })
    // What comes after it is posted, so nothing of it is on its way any more.
    // Another amount each time: the same on two devices would be taken for one payment.
    const next = amount - 400
    const { localId } = await take(next)
    await sdk.syncNow()
    await until(async () => (await transfers()).length > 0)
    expect(await transfers()).toEqual([{ source_no: Number(localId.split('/')[1]), amount_minor: next }])
  },
)

it.each([
  ['hangs', { kind: 'hang' }, 'timeout'],
  ['is down', { kind: 'error', status: 503 }, 'rejected'],
  ['talks nonsense', { kind: 'nonsense', answers: [{ body: '{"score": "0.1"}' }] }, 'invalid_answer'],
] as const)('while SIRA %s a push gets its receipt, by the local rules, and says so', async (_, mode, fallback) => {
  stack.sira.mode = mode
  const { payment, risk } = await pushed(2500)
  expect(payment).toMatchObject({ receipted: true })
  expect(['pending', 'succeeded']).toContain(payment?.status)
  expect(risk).toMatchObject({ reasons: { scored_by: 'local', fallback } })
})

it('a chain fork is escalated to SIRA with both digests, until SIRA takes it', async () => {
  const device = await TestDevice.create()
  const { signer, ownerWallet } = device
  await registerDevice(stack.edge.url, await token('ops'), { deviceId: device.id, country: 'SN', ownerWallet, signer })
  const keys = keySetFromCbor(
    decodeCbor(
      new Uint8Array(
        await (
          await fetch(`${stack.edge.url}/offline/keys`, { headers: { accept: 'application/cbor' } })
        ).arrayBuffer(),
      ),
    ),
  )
  const stories = [
    await device.seal({ currency: currency('XOF'), entries: [device.payment()] }, keys),
    await device.seal({ currency: currency('XOF'), entries: [device.payment()] }, keys),
  ]
  stack.sira.mode = { kind: 'error', status: 503 }
  for (const { bundle } of stories) {
    const headers = { 'content-type': BUNDLE_MEDIA_TYPE }
    await fetch(`${stack.edge.url}/offline/push`, { method: 'POST', headers, body: bundle as BodyInit })
  }
  await stack.edge.runScheduled()
  stack.sira.mode = { kind: 'normal' }
  const told = await until(async () => {
    await stack.edge.runScheduled()
    return stack.sira.requests
      .map(({ path, body }) => ({ path, ...(body as object) }))
      .findLast((seen) => seen.path === '/v1/escalations' && 'device_id' in seen && seen.device_id === device.id)
  })
  const digests = stories.map(({ digest }) => toHex(digest)).sort()
  expect(told).toMatchObject({ escalation_id: `${device.id}/1`, kind: 'chain_fork', seq: 1 })
  expect((told as unknown as { digests: string[] }).digests.toSorted()).toEqual(digests)
})
