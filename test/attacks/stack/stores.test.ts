import { afterAll, beforeAll, expect, test } from 'vitest'
import { signAsEdge } from '../../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { firstVersion } from '../../../src/protocol/first-policies.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { encodePolicyVersion } from '../../../src/protocol/policy-version.ts'
import { randomBytes } from '../../kit/device.ts'
import { until } from '../../kit/journey.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** Somebody who writes to a store or a queue of ours, with every right there, and has a till besides. */
const database = useDatabase()
let market: Market
let victims: readonly string[]
let thief: Thief
beforeAll(async () => {
  market = await Market.start(database())
  victims = await market.wallets('customer', 10)
  const [shop = ''] = await market.wallets('merchant', 1)
  thief = await market.thief(shop, 'ops', 'ops-2')
})
afterAll(() => market?.stop())

const d1 = () => market.stack.edge.miniflare.getD1Database('DB', 'molam-offline')
const steals = () => thief.push(victims.map((victim) => thief.takes(victim, { amount: amountMinor(90_000) })))

test('a writer of D1: a policy of huge limits, devices and wallets of his choice', async () => {
  const db = await d1()
  const first = firstVersion('SN')
  const policy = { ...first.policy, version: 2, maxOfflineAmount: 9_000_000, requirePayerProofAbove: 9_000_000 }
  const signer = await webCryptoSuite.es256Signer(randomBytes(32))
  const by = { proposedBy: 'user:awa', confirmedBy: 'user:moussa' }
  const forged = await signAsEdge(
    signer,
    randomBytes(8),
    encodePolicyVersion({ ...first, ...by, policy }),
    'molam-policy-v1',
  )
  await db.prepare('INSERT INTO offline_policies (country, version, signed) VALUES (?, 2, ?)').bind('SN', forged).run()
  await db.prepare('UPDATE offline_devices SET status = ? WHERE device_id = ?').bind('active', thief.device.id).run()
  // Later than every isolate's memory of what it read.
  await market.stack.restartEdge()
  await steals()
  await market.rest(thief.admitted)
  expectWithin('a writer of D1', await market.missing(victims), 0)
})

test('a writer of D1 removes what waits for people, the devices, and what one administrator proposed: the next list shows it', async () => {
  const initiatedAtMs = Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000
  const held = victims.map((victim) => thief.takes(victim, { amount: amountMinor(1000), initiatedAtMs }))
  expect(await thief.push(held)).toBe('admitted')
  const ids = async (path: string, list: string, id: string) => {
    const body = await market.ask('awa', 'pay_admin', 'GET', path)
    return (body[list] as Record<string, string>[]).map((one) => one[id])
  }
  const reviews = () => ids(`/offline/reviews?device_id=${thief.device.id}`, 'reviews', 'bundle_id')
  const devices = () => ids('/offline/devices?limit=200', 'devices', 'device_id')
  const proposals = () => ids('/offline/policies/proposals?country=TG&state=open', 'proposals', 'id')
  const bundleId = `${thief.admitted.at(-1)}`
  await until(async () => (await reviews()).includes(bundleId))
  const { version } = await market.ask('awa', 'pay_admin', 'GET', '/offline/policies/TG')
  const proposed = await market.ask('awa', 'pay_admin', 'POST', '/offline/policies/proposals', {
    ...{ country: 'TG', after_version: version, reason: 'as agreed', changes: { max_relay_hours: 12 } },
  })
  const before = await devices()
  const db = await d1()
  const { results } = await db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%BEFORE DELETE%'")
    .all<{ name: string }>()
  for (const { name } of results) await db.exec(`DROP TRIGGER ${name}`)
  for (const table of ['offline_tx_bundles', 'offline_devices', 'offline_policy_proposals', 'offline_owed'])
    await db.exec(`DELETE FROM ${table}`)
  const startedAt = performance.now()
  // The very first list that anybody asks for afterwards.
  expect(await reviews()).toContain(bundleId)
  expect(await devices()).toEqual(before)
  expect(await proposals()).toContain(proposed['id'])
  console.info(
    `a writer of D1: what he removed was seen by people, all of it within ${Math.round(performance.now() - startedAt)} ms`,
  )
})

test('a writer of the settle queue: his own bundles, and another’s words', async () => {
  const kept = (await market.book.query('SELECT body FROM offline_sync_queue WHERE body IS NOT NULL LIMIT 20')).rows
  const url = `${market.stack.edge.queueUrl}/client/v4/accounts/local/queues/molam-settle/messages`
  const made = await thief.device.bundle(
    victims.map((victim) => thief.takes(victim, { amount: amountMinor(5000) })),
    market.keys,
  )
  const bodies = [Buffer.from(made.bundle), randomBytes(200), ...kept.map(({ body }) => body as Buffer)]
  for (const body of bodies) {
    for (const over of [body, Buffer.from(body).fill(1, 0, 1), Buffer.concat([body, body])]) {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: 'Bearer local', 'content-type': 'application/json' },
        body: JSON.stringify({ body: Buffer.from(over).toString('base64url'), content_type: 'text' }),
      })
      expect(answer.status).toBe(200)
    }
  }
  await until(async () => ((await market.stack.queue('GET', 'stats')) as { count: number }).count === 0)
  await market.rest([])
  expectWithin('a writer of the settle queue', await market.missing(victims), 0)
})
