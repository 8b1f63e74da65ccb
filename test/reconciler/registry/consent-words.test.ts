import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import type { Consent } from '../../../src/protocol/consent.ts'
import { parseConsentWord } from '../../../src/protocol/consent-word.ts'
import type { DeviceMessage, StatedConsent } from '../../../src/protocol/messages.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { signConsentWord } from '../../kit/consent-word.ts'
import { TestDevice } from '../../kit/device.ts'
import { call, tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

/** The edge has signed that a device of the wallet lets another one pay: the book opens that word itself. */
const db = useDatabase()
let world: World
let phone: TestDevice
let next: TestDevice
let payee: string
beforeAll(async () => {
  world = await makeWorld(db())
  payee = newWallet()
  await db().open(payee)
})
afterAll(() => world.close())
beforeEach(async () => {
  phone = await world.device('customer', 100_000)
  next = Object.assign(await TestDevice.create(phone.ownerWallet), { hasConsent: false })
})

/** What the edge says of the new device. */
async function stated(giver = phone, over: Partial<Consent> = {}): Promise<StatedConsent> {
  const word = await signConsentWord(giver, next)
  const { untilMs } = parseConsentWord(word).word
  const names = { askedBy: `device:${next.id}`, confirmedBy: `device:${giver.id}` }
  return world.consent(next, { ...names, untilMs, word, ...over })
}
const tell = async (device: TestDevice, over: Partial<DeviceMessage> = {}) => {
  world.network.send(await world.facts(device, over))
  await world.settle()
}
const pays = () => next.payment({ type: 'p2p', sender: next.ownerWallet, receiver: payee, amount: amountMinor(1000) })

/** What becomes of a payment by the new device's own word. @param newer facts of it that say the same, later */
async function settled(payment = pays(), newer?: readonly StatedConsent[]): Promise<string> {
  const admitted = await world.admit(next, [payment])
  world.now += 1000
  if (newer) world.network.send(await world.facts(next, { rev: 2, consents: newer }))
  world.network.send(admitted)
  await world.settle()
  return outcomeOf(payment.counter)
}
function outcomeOf(counter: number): string {
  const outcome = world.network.outcomes(next.id).findLast((one) => one.counter === counter)
  return outcome?.reason ?? outcome?.status ?? 'waiting'
}
const wrong = async () => {
  const { findings } = JSON.parse((await call(verify, ['--json'], world)).output)
  return findings.filter(({ found }: { found: number }) => found > 0).map(({ check }: { check: string }) => check)
}

test('a customer’s device pays by the word of the customer’s other device', async () => {
  await tell(phone)
  await tell(next, { consents: [await stated()] })
  expect(await settled()).toBe('succeeded')
  expect(await db().balance(phone.ownerWallet)).toBe(99_000)
  expect(await wrong()).toEqual([])
})

test('a bundle waits for the device that gave the word, and for its consent', async () => {
  await tell(next, { consents: [await stated()] })
  world.now += 1000
  const payment = pays()
  const consents = [await stated()]
  expect(await settled(payment, consents)).toBe('waiting')
  phone.hasConsent = false
  const before = world.now
  world.now = phone.consentedAtMs
  await tell(phone)
  world.now = before + 3 * 3_600_000
  await world.settle()
  expect(outcomeOf(payment.counter)).toBe('waiting')
  phone.hasConsent = true
  await tell(phone, { rev: 2 })
  world.now += 120_000
  await world.settle()
  expect(outcomeOf(payment.counter)).toBe('succeeded')
  expect(await wrong()).toEqual([])
})

describe('nothing moves by a word', () => {
  const refusedFor = async (consent: StatedConsent) => {
    await tell(next, { consents: [consent] })
    expect(await settled(pays(), [consent])).toBe('payer_not_proven')
    expect(await db().balance(phone.ownerWallet)).toBe(100_000)
  }

  test('that another key has signed', async () => {
    await tell(phone)
    const forger = Object.assign(await TestDevice.create(phone.ownerWallet), { id: phone.id, kid: phone.kid })
    expect(await wrong()).toEqual([])
    await refusedFor(await stated(forger))
    expect(await wrong(), 'and the edge that took it is found out').toEqual(['device_evidence'])
    await tamper(db().ownerUrl, `DELETE FROM offline_wallet_consents WHERE device_id = '${next.id}'`)
    expect(await wrong()).toEqual([])
  })

  test('of a device that does not pay itself', async () => {
    phone.hasConsent = false
    await tell(phone)
    await refusedFor(await stated())
  })

  test('of a device that had its own consent withdrawn before', async () => {
    const withdrawn = { ...(await world.consent(phone)), withdrawnAtMs: phone.consentedAtMs + 1 }
    await tell(phone, { consents: [withdrawn] })
    await refusedFor(await stated(phone, { givenAtMs: phone.consentedAtMs + 2 }))
  })

  test('of a device that pays by a word itself', async () => {
    const first = Object.assign(await world.device('customer'), { ownerWallet: phone.ownerWallet })
    await tell(first)
    const word = await signConsentWord(first, phone)
    const names = { askedBy: `device:${phone.id}`, confirmedBy: `device:${first.id}` }
    const { untilMs } = parseConsentWord(word).word
    phone.hasConsent = false
    await tell(phone, { consents: [await world.consent(phone, { ...names, untilMs, word })] })
    await refusedFor(await stated())
  })

  test('that was made before the consent of then was taken back, whatever the edge says', async () => {
    await tell(phone)
    const kept = await signConsentWord(phone, next)
    const { untilMs, madeAtMs } = parseConsentWord(kept).word
    const names = { askedBy: `device:${next.id}`, confirmedBy: `device:${phone.id}` }
    const first = await world.consent(next, { ...names, untilMs, word: kept, givenAtMs: madeAtMs + 1000 })
    const again = await world.consent(next, { ...names, untilMs, word: kept, givenAtMs: madeAtMs + 3000 })
    const consents = [{ ...first, withdrawnAtMs: madeAtMs + 2000 }, again]
    await tell(next, { consents })
    world.now += 3000
    expect(await settled(pays(), consents)).toBe('payer_not_proven')
    expect(await db().balance(phone.ownerWallet)).toBe(100_000)
  })

  test('of a device of another wallet', async () => {
    const stranger = await world.device('customer')
    await tell(stranger)
    stranger.ownerWallet = phone.ownerWallet
    await refusedFor(await stated(stranger))
  })

  test('of a device of another tenant', async () => {
    await tell(phone, { tenant: 'autre' })
    await refusedFor(await stated())
  })

  test('for longer than its giver pays', async () => {
    const short = await world.consent(phone, { untilMs: world.now + 3_600_000 })
    await tell(phone, { consents: [short] })
    await refusedFor(await stated())
  })

  test('of a customer’s device that two people of a tenant spoke for', async () => {
    phone.isTenants = true
    await tell(phone)
    await refusedFor(await stated())
  })

  test('with a key that was revoked before the edge took it', async () => {
    const other = await TestDevice.create()
    const old = { alg: -7, kid: phone.kid, publicKey: phone.signer.key.bytes, fate: 'revoked' } as const
    const before = world.now
    world.now = phone.consentedAtMs
    await tell(phone)
    await tell(phone, {
      rev: 2,
      ...{ kid: other.kid, publicKey: other.signer.key.bytes, olderKeys: [old] },
      consents: [await world.consent(phone)],
    })
    world.now = before
    await refusedFor(await stated())
  })
})

/** The edge asks the giver before it takes anything by its word; of a till that shows it many payers it asks for some of them. */
describe('a word ends with its giver here too, ten minutes later than the edge says, once it', () => {
  const STOPS: Readonly<Record<string, () => Promise<Partial<DeviceMessage>>>> = {
    'is suspended': async () => ({ status: 'suspended' }),
    'is revoked': async () => ({ status: 'revoked' }),
    'has its own consent withdrawn': async () => {
      return { consents: [{ ...(await world.consent(phone)), withdrawnAtMs: world.now }] }
    },
    'has lost its key': async () => {
      const { kid, signer } = await TestDevice.create()
      const lost = { alg: -7, kid: phone.kid, publicKey: phone.signer.key.bytes, fate: 'revoked' } as const
      return { kid, publicKey: signer.key.bytes, olderKeys: [lost], consents: [await world.consent(phone)] }
    },
  }
  test.each(Object.keys(STOPS))('%s', async (stop) => {
    await tell(phone)
    const consent = await stated()
    await tell(next, { consents: [consent] })
    expect(await settled()).toBe('succeeded')
    await tell(phone, { rev: 2, ...(await STOPS[stop]?.()) })
    expect(await settled(), 'taken by the edge in that moment').toBe('succeeded')
    world.now += 11 * 60_000
    expect(await settled(pays(), [consent])).toBe('payer_not_proven')
    expect(await db().balance(phone.ownerWallet)).toBe(98_000)
    expect(await wrong()).toEqual([])
  })
})

test('what was posted by a word before the book heard that its giver had stopped is right', async () => {
  await tell(phone)
  await tell(next, { consents: [await stated()] })
  const stoppedAtMs = world.now
  world.now += 30 * 60_000
  expect(await settled()).toBe('succeeded')
  await tell(phone, { rev: 2, status: 'suspended', atMs: stoppedAtMs })
  expect(await wrong()).toEqual([])
})

test('a word that does not hold, put into a row, is found', async () => {
  await tell(phone)
  await tell(next, { consents: [await stated()] })
  expect(await settled()).toBe('succeeded')
  const row = `WHERE device_id = '${next.id}'`
  await tamper(
    db().ownerUrl,
    `UPDATE offline_wallet_consents SET giver = 'POS-ELSE', confirmed_by = 'device:POS-ELSE' ${row}`,
  )
  expect(await wrong()).toEqual(['device_evidence'])
  const back = `giver = '${phone.id}', confirmed_by = 'device:${phone.id}'`
  await tamper(db().ownerUrl, `UPDATE offline_wallet_consents SET ${back} ${row}`)
  expect(await wrong()).toEqual([])
})
