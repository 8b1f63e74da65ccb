import { afterAll, beforeAll, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import type { Verification } from '../../../reconciler/verify/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, type World } from '../kit.ts'
import { call, tamper } from './kit.ts'

/** What only the signed bytes can tell: what the edge decided, and what the payer and the agent signed. */
const db = useDatabase()
let world: World
let merchant: TestDevice
let payer: TestDevice
let heldBack: number
beforeAll(async () => {
  world = await makeWorld(db())
  merchant = await world.device('merchant', 100_000)
  payer = await world.device()
  await db().owner.query("SELECT wallet_core.fund('t', '{1}', ARRAY[$1], '{1000000}', 'XOF', now())", [
    payer.ownerWallet,
  ])
  const signed = merchant.payment({ sender: payer.ownerWallet, amount: amountMinor(20_000) })
  const waits = merchant.payment({ sender: payer.ownerWallet })
  const own = { sender: merchant.ownerWallet, receiver: payer.ownerWallet }
  const large = merchant.payment({ ...own, amount: amountMinor(60_000) })
  heldBack = waits.counter
  world.network.send(
    world.facts(merchant),
    world.facts(payer),
    await world.admit(
      merchant,
      [signedBy(payer, signed), waits, large],
      [{ counter: heldBack, decision: 'review', reason: 'amount_review' }],
    ),
  )
  await world.settle()
})
afterAll(() => world.close())

async function faults(): Promise<readonly unknown[]> {
  const { findings } = JSON.parse((await call(verify, ['--json'], world)).output) as Verification
  const evidence = findings.find(({ check }) => check === 'bundle_evidence')
  return evidence?.examples.map((example) => (example as { fault: string }).fault) ?? []
}
async function damaged(harm: string, repair: string): Promise<readonly unknown[]> {
  await tamper(db().ownerUrl, harm)
  const found = await faults()
  await tamper(db().ownerUrl, repair)
  return found
}

test('an honest book has no fault', async () => {
  expect(await faults()).toEqual([])
})

test('what the edge held back was posted, and nobody had decided so', async () => {
  const found = await damaged(
    `UPDATE offline_transactions SET status = 'succeeded', transfer_id = uuidv7() WHERE counter = ${heldBack}`,
    `UPDATE offline_transactions SET status = 'review', transfer_id = NULL WHERE counter = ${heldBack}`,
  )
  expect(found).toEqual(['decision_overruled'])
})

test.each([
  ['another request', "request_id = '\\x00112233445566778899aabbccddeeff'"],
  ['another device', "payer_device_id = 'SOMEBODY'"],
])('a payer’s signature was used up under %s', async (_, change) => {
  await tamper(db().ownerUrl, 'CREATE TABLE kept AS SELECT * FROM offline_payer_authorizations')
  const found = await damaged(
    `UPDATE offline_payer_authorizations SET ${change}`,
    'DELETE FROM offline_payer_authorizations; INSERT INTO offline_payer_authorizations SELECT * FROM kept; DROP TABLE kept',
  )
  expect(found).toEqual(['payer_not_proven'])
})

test.each([
  ['another request', "request_id = '\\x00112233445566778899aabbccddeeff'"],
  ['another agent', `agent_device_id = 'SOMEBODY'`],
])('an approval was used up under %s', async (_, change) => {
  await tamper(db().ownerUrl, 'CREATE TABLE kept AS SELECT * FROM offline_agent_approvals')
  const found = await damaged(
    `UPDATE offline_agent_approvals SET ${change}`,
    'DELETE FROM offline_agent_approvals; INSERT INTO offline_agent_approvals SELECT * FROM kept; DROP TABLE kept',
  )
  expect(found).toEqual(['approval_invalid'])
})

test('the key that the payer signed with is not the payer’s', async () => {
  const found = await damaged(
    `CREATE TABLE kept AS SELECT * FROM offline_device_keys;
     UPDATE offline_device_keys k SET public_key = m.public_key FROM offline_device_keys m
     WHERE k.device_id = '${payer.id}' AND m.device_id = '${merchant.id}'`,
    'DELETE FROM offline_device_keys; INSERT INTO offline_device_keys SELECT * FROM kept; DROP TABLE kept',
  )
  expect(found).toEqual(['payer_not_proven'])
})
