import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { registerDevice } from '../dev/fleet/admin.ts'
import { AgentPhone } from '../dev/fleet/agent.ts'
import { registerPhone } from '../dev/fleet/holders-code.ts'
import { passesOf } from '../dev/fleet/pass.ts'
import { PayerPhone } from '../dev/fleet/payer.ts'
import { fundWallets } from '../dev/fleet/wallets.ts'
import { type DevSecrets, newSecrets } from '../dev/secrets.ts'
import { type Stack, startStack } from '../dev/stack.ts'
import { report } from '../reconciler/commands/report.ts'
import { webCryptoSuite } from '../src/crypto/webcrypto.ts'
import { memoryStorage, OfflineSDK, scalarKeyStore } from '../src/device/sdk/index.ts'
import type { Role } from '../src/edge/auth/person.ts'
import { until } from './kit/journey.ts'
import { useDatabase } from './reconciler/database.ts'

/**
 * What people decide, through the whole stack: a policy of theirs, payments that wait for two of them, one that is rejected,
 * one that is undone; and the day's report, in which every franc is accounted for.
 */
const DEVICE = 'POS-REVIEW-1'
const [OWNER, SHOP, OTHER, AGENT] = ['W-SN-A930', 'W-SN-M930', 'W-SN-A931', 'W-SN-A932']
const database = useDatabase()
let dir: string
let secrets: DevSecrets
let stack: Stack
let book: pg.Client
let sdk: OfflineSDK
let phone: PayerPhone
let agent: AgentPhone
let start: Record<string, number>

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'molam-review-'))
  secrets = await newSecrets()
  const { logins, ownerUrl: owner } = database()
  stack = await startStack({ dataDir: dir, secrets, database: { ...logins, owner } })
  book = new pg.Client(owner)
  await book.connect()
  await fundWallets(owner, [OWNER, SHOP, OTHER, AGENT], { reference: 'review', seed: 5 })
  start = await balances()
  const key = crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1)
  const signer = await webCryptoSuite.es256Signer(key)
  const token = await stack.issuer.token('ops', ['pay_admin'])
  const second = await stack.issuer.token('ops-2', ['pay_admin'])
  await registerDevice(stack.edge.url, token, { deviceId: DEVICE, country: 'SN', ownerWallet: OWNER, signer }, second)
  const phoneSigner = await webCryptoSuite.es256Signer(crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1))
  const facts = { deviceId: 'TEL-REVIEW-1', country: 'SN', ownerWallet: OTHER, signer: phoneSigner } as const
  await registerPhone(stack, token, facts)
  phone = new PayerPhone(facts.deviceId, OTHER, phoneSigner, webCryptoSuite, passesOf(stack.edge.url))
  const agentSigner = await webCryptoSuite.es256Signer(crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1))
  const agentFacts = { deviceId: 'AGT-REVIEW-1', country: 'SN', ownerWallet: AGENT, signer: agentSigner } as const
  await registerDevice(stack.edge.url, token, agentFacts, second)
  agent = new AgentPhone(agentFacts.deviceId, agentSigner, webCryptoSuite)
  const keyStore = scalarKeyStore(webCryptoSuite, key)
  const storage = memoryStorage()
  const apiUrl = stack.edge.url
  sdk = new OfflineSDK({ apiUrl, deviceId: DEVICE, storage, atRest: 'none', keyStore, suite: webCryptoSuite })
  await sdk.initialize()
})

afterAll(async () => {
  await sdk?.destroy()
  await book?.end()
  await stack?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const balances = async (): Promise<Record<string, number>> => {
  const { rows } = await book.query(
    'SELECT wallet_id, balance_minor FROM wallet_core.balances WHERE wallet_id = ANY ($1)',
    [[OWNER, SHOP, OTHER]],
  )
  return Object.fromEntries(rows.map(({ wallet_id, balance_minor }) => [wallet_id, Number(balance_minor)]))
}
/** What each wallet has more than at the beginning. */
const moved = async () => {
  const now = await balances()
  return [OWNER, SHOP, OTHER].map((wallet) => (now[wallet] ?? 0) - (start[wallet] ?? 0))
}
const transfers = async (counter: number) => {
  const { rows } = await book.query(
    'SELECT kind, amount_minor FROM wallet_core.transfers WHERE source_id = $1 AND source_no = $2 ORDER BY kind',
    [DEVICE, counter],
  )
  return rows.map(({ kind, amount_minor }) => [kind, Number(amount_minor)])
}

async function ask(who: string, role: Role, method: string, path: string, body?: object) {
  const token = await stack.issuer.token(who, [role])
  const answer = await fetch(stack.edge.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, ...((await answer.json()) as Record<string, unknown>) } as Record<string, unknown>
}

/** The owner pays the shop; others pay the owner. */
const pay = async (sender: string, amount: number, isSigned = false) => {
  const receiver = sender === OWNER ? SHOP : OWNER
  const terms = { type: 'p2p', amount, currency: 'XOF', sender, receiver } as const
  const authorization = isSigned ? await phone.authorize(terms, { takerId: DEVICE, atMs: sdk.nowMs }) : undefined
  const request = sdk.approvalRequest(terms)
  const approval = { request, approval: await agent.approve(request, sdk.nowMs) }
  const { localId } = await sdk.createOfflineTransaction({
    ...terms,
    approval,
    ...(authorization && { authorization }),
  })
  return localId
}
const counterOf = (localId: string) => Number(localId.split('/')[1])
/** Waits until the edge has the outcome, which the device's next sync brings. */
async function shownAs(localId: string, status: string) {
  await until(async () => {
    const { bundles } = await ask('dior', 'pay_auditor', 'GET', `/offline/bundles?device_id=${DEVICE}`)
    type Listed = { bundle_id: string; first_counter: number; last_counter: number }
    const counter = counterOf(localId)
    const own = (bundles as Listed[]).find((one) => one.first_counter <= counter && counter <= one.last_counter)
    const { payments = [] } = await ask('dior', 'pay_auditor', 'GET', `/offline/bundles/${own?.bundle_id}`)
    return (payments as Record<string, unknown>[]).some(
      (one) => one['local_id'] === localId && one['status'] === status,
    )
  })
  await sdk.syncNow()
  expect(sdk.getTransaction(localId)).toMatchObject({ status })
  return sdk.getTransaction(localId)
}
/** The bundle with this payment among what waits for people. */
const waiting = (localId: string) =>
  until(async () => {
    const { reviews } = await ask('binta', 'pay_reviewer', 'GET', `/offline/reviews?device_id=${DEVICE}`)
    type Review = { bundle_id: string; payments: { local_id: string }[] }
    return (reviews as Review[]).find(({ payments }) => payments.some(({ local_id }) => local_id === localId))
  })
/** Pays, syncs, and waits until people can see it. */
async function held(amount: number) {
  const localId = await pay(OWNER, amount)
  await sdk.syncNow()
  expect(sdk.getTransaction(localId)).toMatchObject({ status: 'review', reason: 'amount_review', receipted: true })
  const { bundle_id } = await waiting(localId)
  const vote = (who: string, choice: string) =>
    ask(who, 'pay_reviewer', 'POST', `/offline/bundles/${bundle_id}/review`, {
      ...{ choice, payments: [counterOf(localId)], reason: 'called the owner' },
    })
  return { localId, counter: counterOf(localId), bundle_id, vote }
}

it('a policy that people make reaches the device, the edge and the reconciler, and payments are judged by it', async () => {
  await expect(pay(OTHER, 11_000)).rejects.toMatchObject({ code: 'refused', reason: 'payer_not_proven' })
  const changes = {
    ...{ require_payer_proof_above: 12_000, require_agent_approval_above: 12_000 },
    ...{ require_manual_review_above: 12_000, review_two_people_above: 13_000 },
  }
  const path = '/offline/policies/proposals'
  const { id } = await ask('ops', 'pay_admin', 'POST', path, {
    ...{ country: 'SN', after_version: 1, reason: 'a contactless limit', changes },
  })
  const alone = await ask('ops', 'pay_admin', 'POST', `${path}/${id}/confirm`, { reason: 'at once' })
  expect(alone).toMatchObject({ status: 409, code: 'already_voted' })
  const made = await ask('head', 'pay_admin', 'POST', `${path}/${id}/confirm`, { reason: 'agreed' })
  expect(made).toMatchObject({ status: 201, version: 2 })
  await until(async () => {
    const { policies } = await ask('ops', 'pay_admin', 'GET', '/offline/policies')
    return (policies as { country: string; version: number }[]).some((one) => one.country === 'SN' && one.version === 2)
  })
  await sdk.syncNow()
  const localId = await pay(OTHER, 11_000, true)
  await sdk.syncNow()
  await shownAs(localId, 'succeeded')
  expect(await transfers(counterOf(localId))).toEqual([['payment', 11_000]])
  const { rows } = await book.query(
    `SELECT p.require_payer_proof_above AS proof FROM offline_tx_bundles b
     JOIN offline_policies p ON p.country = b.country AND p.version = b.policy_version WHERE b.device_id = $1`,
    [DEVICE],
  )
  expect(rows.map(({ proof }) => Number(proof))).toEqual([12_000])
  expect(await moved()).toEqual([11_000, 0, -11_000])
})

let approved: Awaited<ReturnType<typeof held>>

it('above the amount two people approve: the first alone and the first twice are nothing, then it is posted once', async () => {
  approved = await held(14_000)
  expect(await approved.vote('binta', 'approve')).toMatchObject({ payments: [{ decided: false, needed: 2 }] })
  expect(await approved.vote('binta', 'approve')).toMatchObject({ status: 409, code: 'already_voted' })
  await sdk.syncNow()
  expect(sdk.getTransaction(approved.localId)?.status).toBe('review')
  expect(await transfers(approved.counter)).toEqual([])

  expect(await approved.vote('cheikh', 'approve')).toMatchObject({ payments: [{ decided: true }] })
  expect(await shownAs(approved.localId, 'succeeded')).toMatchObject({ transferId: expect.any(String) })
  expect(await approved.vote('dior', 'approve')).toMatchObject({ status: 409, code: 'state_conflict' })
  expect(await transfers(approved.counter)).toEqual([['payment', 14_000]])
  expect(await moved()).toEqual([-3000, 14_000, -11_000])
  const { rows } = await book.query(
    "SELECT actor FROM offline_audit_logs WHERE device_id = $1 AND action = 'resolution_applied'",
    [DEVICE],
  )
  expect(rows).toEqual([{ actor: 'user:binta user:cheikh' }])
})

it('up to the amount one is enough, and what is rejected moves nothing', async () => {
  const rejected = await held(12_500)
  expect(await rejected.vote('binta', 'reject')).toMatchObject({ payments: [{ decided: true, needed: 1 }] })
  expect(await shownAs(rejected.localId, 'failed')).toMatchObject({ reason: 'reviewer_rejected' })
  expect(await transfers(rejected.counter)).toEqual([])
  expect(await moved()).toEqual([-3000, 14_000, -11_000])
})

it('two people undo a payment: one compensating transfer, and the device knows', async () => {
  const reverse = (who: string) =>
    ask(who, 'pay_reviewer', 'POST', `/offline/transactions/${approved.localId}/reverse`, {
      reason: 'duplicate',
      note: 'paid twice',
    })
  expect(await reverse('binta')).toMatchObject({ decided: false, needed: 2 })
  expect(await reverse('binta')).toMatchObject({ status: 409, code: 'already_voted' })
  expect(await transfers(approved.counter)).toHaveLength(1)
  expect(await reverse('cheikh')).toMatchObject({ decided: true })
  await shownAs(approved.localId, 'reversed')
  expect(await reverse('dior')).toMatchObject({ status: 409, code: 'state_conflict' })
  expect(await transfers(approved.counter)).toEqual([
    ['payment', 14_000],
    ['reversal', 14_000],
  ])
  expect(await moved()).toEqual([11_000, 0, -11_000])
})

it('the day’s report holds what the edge received against the book, and every difference has its reason', async () => {
  await pay(OWNER, 13_500)
  await sdk.syncNow()
  await until(async () => (await book.query('SELECT FROM offline_tx_bundles')).rowCount === 4)
  const { rows } = await book.query(
    "SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date::text AS day FROM offline_tx_bundles",
  )
  // The day may have ended while this ran.
  const days = rows.map(({ day }) => day as string)
  const lines: { received: object; posted: object; differences: { why: string; minor: number }[] }[] = []
  let [bundles, admitted] = [0, 0]
  for (const day of days) {
    const { code, made } = await until(async () => {
      const made = await reported(day)
      // The read model is behind for a moment.
      return made.made.disagreements.length === 0 && made
    })
    expect([code, made.explained, made.edge.asked, made.open]).toEqual([0, true, true, []])
    expect(made.devices.every(({ notArrived }: { notArrived: number }) => notArrived === 0)).toBe(true)
    lines.push(...made.lines)
    const seen = await ask('dior', 'pay_auditor', 'GET', `/offline/reconciliation?date=${day}&country=SN`)
    for (const one of seen['totals'] as { bundles: { received: number }; admitted_amount: number }[]) {
      bundles += one.bundles.received
      admitted += one.admitted_amount
    }
  }
  expect([bundles, admitted]).toEqual([4, 11_000 + 14_000 + 12_500 + 13_500])
  const differences = lines.flatMap(({ differences }) => differences.map(({ why, minor }) => [why, minor]))
  expect(differences.toSorted()).toEqual([
    ['failed: reviewer_rejected', 12_500],
    ['reversed', 14_000],
    ['review: amount_review', 13_500],
  ])
})

async function reported(date: string) {
  const output: string[] = []
  const code = await report.run(['--date', date, '--country', 'SN', '--json'], {
    env: {
      READ_DATABASE_URL: stack.database.read,
      EDGE_URL: stack.edge.url,
      INTERNAL_HMAC_KEY: secrets.INTERNAL_HMAC_KEY,
    },
    ...{ fetch, clock: Date.now, random: Math.random, print: (text) => void output.push(text) },
    ...{ progress: () => undefined, clear: () => undefined, stopSignal: () => new AbortController().signal },
  })
  return { code, made: JSON.parse(output.join('')) }
}
