import { beforeEach, describe, expect, it } from 'vitest'
import { openConsent } from '../../../src/crypto/consent.ts'
import { trustedReceiptKeys } from '../../../src/crypto/receipt-keys.ts'
import { thumbprint } from '../../../src/crypto/thumbprint.ts'
import { configOf } from '../../../src/edge/config.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import {
  accepted,
  age,
  lostQueues,
  type Queues,
  readNotice,
  recordAll,
  select,
  stubOf,
} from '../../durable-objects/device/kit.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { bindings, keySet, pushed, registered, registration } from '../kit.ts'
import { admin, call, jwkOf, ok, otherAdmin, proofBy, refused, suite } from './kit.ts'

/** Who may say that a device debits its owner's wallet, and what it may before and after. */
let device: TestDevice
let queues: Queues
let path: string
beforeEach(async () => {
  queues = await lostQueues()
  device = await TestDevice.create()
  await ok(call(admin, 'POST', '/offline/devices', await registration(device)), 201)
  queues.watch(device)
  path = `/offline/devices/${device.id}/consents`
})

const reason = { reason: 'the shop was seen' }
const ask = async (who = admin, body: object = reason): Promise<string> =>
  (await ok(call(who, 'POST', path, body), 201)).asked.request
const confirm = (request: string, who = otherAdmin) => call(who, 'POST', `${path}/${request}/confirm`, reason)
const withdraw = (who = admin) => call(who, 'POST', `${path}/withdraw`, reason)
const give = async () => ok(confirm(await ask()))

/** What the receipt says of a payment out of the owner's wallet, on the device's own word. */
async function paid(over: object = {}): Promise<string> {
  const payment = device.payment({ type: 'p2p', sender: device.ownerWallet, receiver: 'W-OTHER', ...over })
  const { receipt } = await pushed((await device.bundle([payment], await keySet())).bundle)
  const found = receipt.exceptions.find(({ counter }) => counter === payment.counter)
  return found === undefined ? 'accepted' : `${found.decision} ${found.reason}`
}
const paysBy = async () => (await ok(call(admin, 'GET', `/offline/devices/${device.id}`))).pays_by

describe('without consent', () => {
  it('whoever registered the device cannot pay with it; it takes what others pay', async () => {
    expect(await paid({ amount: amountMinor(1) })).toBe('refused payer_not_proven')
    expect(await paid({ type: 'merchant', sender: 'W-CUSTOMER', receiver: device.ownerWallet })).toBe('accepted')
    expect(await paysBy()).toEqual({ word: 'payer', until: null })
    expect(await readNotice(device)).toMatchObject({ paysUntilMs: undefined })
  })

  it('its signature is no payer’s word on another till', async () => {
    const till = await registered()
    const payment = till.payment({ sender: device.ownerWallet, amount: amountMinor(20_000) })
    const signed = signedBy(device, payment)
    const { receipt } = await pushed((await till.bundle([signed], await keySet())).bundle)
    expect(receipt.exceptions).toMatchObject([{ counter: 1, decision: 'refused', reason: 'payer_not_proven' }])
  })
})

describe('two people', () => {
  it('give it: the device pays, is told so, and the reconciler is told what the edge signed', async () => {
    const request = await ask()
    expect(await paid()).toBe('refused payer_not_proven')
    const { given, asked } = await ok(confirm(request))
    expect(asked).toBeNull()
    expect(given).toMatchObject([{ asked_by: 'user:awa', confirmed_by: 'user:moussa', withdrawn_at: null }])
    expect(await paid()).toBe('accepted')
    const { until } = await paysBy()
    expect(await paysBy()).toEqual({ word: 'consent', until })
    expect(await readNotice(device)).toMatchObject({ paysUntilMs: until })
    const message = queues.settle.findLast(({ kind }) => kind === 'device')
    const [stated] = message?.kind === 'device' ? (message.consents ?? []) : []
    const trusted = await trustedReceiptKeys(await configOf(bindings).keys())
    expect(await openConsent(stated?.signed ?? new Uint8Array(), trusted)).toMatchObject({
      ...{ wallet: device.ownerWallet, deviceId: device.id, tenant: 'molam', untilMs: until },
      ...{ askedBy: 'user:awa', confirmedBy: 'user:moussa' },
      thumbprint: await thumbprint(suite, device.signer.key),
    })
  })

  it('are two: who asked cannot confirm, not by another key of idempotency either', async () => {
    const request = await ask()
    await refused(confirm(request, admin), 'already_voted')
    await refused(confirm(request, { ...admin, key: 'again' }), 'already_voted')
    expect(await paid()).toBe('refused payer_not_proven')
  })

  it('are administrators of the device’s tenant', async () => {
    await refused(call({ sub: 'x', roles: ['pay_reviewer'] }, 'POST', path, reason), 'forbidden')
    await refused(call({ sub: 'x', roles: ['pay_admin'], tenant: 'autre' }, 'POST', path, reason), 'not_found')
    const request = await ask()
    await refused(confirm(request, { sub: 'x', roles: ['pay_admin'], tenant: 'autre' }), 'not_found')
  })

  it('have no vote about what it takes', async () => {
    await give()
    const [row] = await select<{ registrars: string }>(device, 'SELECT registrars FROM device')
    expect(JSON.parse(row?.registrars ?? '')).toEqual(['user:awa', 'user:moussa'])
  })

  it('asked again with the same key nothing changes; the newest request is the one', async () => {
    const by = { ...admin, key: 'k-1' }
    const first = await ask(by)
    expect(await ask(by)).toBe(first)
    const second = await ask()
    await refused(confirm(first), 'state_conflict')
    const again = { ...otherAdmin, key: 'k-2' }
    expect(await ok(confirm(second, again))).toEqual(await ok(confirm(second, again)))
    expect((await select(device, "SELECT 1 FROM audit WHERE action = 'consent_given'")).length).toBe(1)
  })

  it('agree about one key: another that was put in its place meanwhile has none, and neither has one put there later', async () => {
    const turn = async () => {
      const keys = `/offline/devices/${device.id}/keys`
      const next = await suite.es256Signer(randomBytes(32))
      const proof = await proofBy(next, device.id, 'POST', keys)
      await ok(call(admin, 'POST', keys, { public_key: jwkOf(next.key), proof }))
    }
    const request = await ask()
    await turn()
    await refused(confirm(request), 'state_conflict')
    await give()
    expect(await paysBy()).toMatchObject({ word: 'consent' })
    await turn()
    expect(await paysBy()).toMatchObject({ word: 'payer' })
  })

  it('are waited for seven days', async () => {
    const request = await ask()
    const [row] = await select<{ consent_request: string }>(device, 'SELECT consent_request FROM device')
    const old = { ...JSON.parse(row?.consent_request ?? ''), askedAtMs: Date.now() - 7 * DAY_MS - 1 }
    await select(device, 'UPDATE device SET consent_request = ?', JSON.stringify(old))
    await refused(confirm(request), 'state_conflict')
  })
})

describe('one person', () => {
  it('withdraws it at once: nothing that comes from now on is paid, the device is told, and so is the reconciler', async () => {
    await give()
    expect(await paid()).toBe('accepted')
    const { given } = await ok(withdraw({ sub: 'fatou', roles: ['pay_admin'] }))
    expect(given).toMatchObject([{ withdrawn_by: 'user:fatou' }])
    expect(await paid({ initiatedAtMs: Math.floor(Date.now() / 1000) * 1000 - 3_600_000 })).toBe(
      'refused payer_not_proven',
    )
    expect(await readNotice(device)).toMatchObject({ paysUntilMs: undefined })
    const message = queues.settle.findLast(({ kind }) => kind === 'device')
    expect(message).toMatchObject({ consents: [{ withdrawnAtMs: given[0].withdrawn_at }] })
    expect(await ok(withdraw())).toEqual({ asked: null, code: null, given })
    await give()
    expect(await paid()).toBe('accepted')
  })

  it('withdraws what is asked for', async () => {
    const request = await ask()
    expect(await ok(withdraw())).toEqual({ asked: null, code: null, given: [] })
    await refused(confirm(request), 'state_conflict')
  })
})

it('what ended is named until the book has it: then there is room for a new one', async () => {
  for (let n = 0; n < 8; n++) await give()
  const request = await ask()
  await refused(confirm(request), 'temporarily_unavailable')
  await recordAll(device, queues)
  const { given } = await ok(confirm(request))
  expect(given).toHaveLength(8)
  expect(given.filter(({ withdrawn_at }: { withdrawn_at: number | null }) => withdrawn_at === null)).toHaveLength(1)
})

it('a consent that ran out pays what was taken before its end', async () => {
  await ok(confirm(await ask(admin, { ...reason, valid_days: 1 })))
  const [row] = await select<{ consents: string }>(device, 'SELECT consents FROM device')
  const untilMs = Math.floor(Date.now() / 1000) * 1000 - 7_200_000
  const ended = JSON.parse(row?.consents ?? '').map((one: object) => ({ ...one, untilMs }))
  await select(device, 'UPDATE device SET consents = ?', JSON.stringify(ended))
  expect(await paid()).toBe('refused payer_not_proven')
  expect(await paid({ initiatedAtMs: untilMs })).not.toContain('payer_not_proven')
})

it('a revoked device gets none', async () => {
  const request = await ask()
  await ok(call(admin, 'POST', `/offline/devices/${device.id}/revoke`, reason))
  await refused(confirm(request), 'state_conflict')
  await refused(call(admin, 'POST', path, reason), 'state_conflict')
})

it('each step is on record, with who, and owed until the reconciler has it', async () => {
  await give()
  await ok(withdraw())
  const audit = await select<{ action: string; actor: string }>(device, 'SELECT action, actor FROM audit ORDER BY id')
  expect(audit.map(({ action, actor }) => `${action} ${actor}`)).toEqual([
    'device_registered user:awa',
    'consent_asked user:awa',
    'consent_given user:moussa',
    'consent_withdrawn user:awa',
  ])
  await age(device, 60_000)
  expect(accepted(await stubOf(device).wake()).settle).toBeGreaterThan(0)
})
