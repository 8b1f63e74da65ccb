import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CodeSubject, type ConsentCodes, consentCodes } from '../../../reconciler/codes/code.ts'
import { openGateway } from '../../../reconciler/codes/gateway.ts'
import { sendCodes } from '../../../reconciler/codes/send.ts'
import { codeText } from '../../../reconciler/codes/text.ts'
import { status } from '../../../reconciler/commands/status.ts'
import { verify } from '../../../reconciler/commands/verify.ts'
import { parseConfig } from '../../../reconciler/config.ts'
import { type Log, openLog } from '../../../reconciler/log.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../../../src/crypto/receipt-keys.ts'
import { thumbprint } from '../../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import type { Consent } from '../../../src/protocol/consent.ts'
import { CODE_TRIES_MAX, CODE_VALID_MS } from '../../../src/protocol/limits.ts'
import type { DeviceMessage } from '../../../src/protocol/messages.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { once } from '../../attacks/ledger/planted.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { call, tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { codesOf, makeWorld, newWallet, type World } from '../kit.ts'

/** A code goes to the telephone of a wallet's holder; who enters it on the device has given the holder's word. */
const db = useDatabase()
const GATEWAY = { CONSENT_CODE_URL: 'http://gateway.test/codes', CONSENT_CODE_TOKEN: 'gateway' }
let world: World
let device: TestDevice
let payee: string
let phone: string
let rev: number
let digits = 0

beforeAll(async () => {
  world = await makeWorld(db(), GATEWAY)
  payee = newWallet()
  await db().open(payee)
})
afterAll(() => world.close())
beforeEach(async () => {
  device = Object.assign(await TestDevice.create(), { hasConsent: false, isTenants: true })
  phone = `+22997${String(++digits).padStart(6, '0')}`
  await db().open(device.ownerWallet, 100_000, { phone })
  rev = 0
  world.network.texts.length = 0
  world.network.gateway = () => 200
})

const tell = async (over: Partial<DeviceMessage> = {}, to = device) => {
  world.network.send(await world.facts(to, { rev: ++rev, ...over }))
  await world.settle()
}
const verdict = (of = device) =>
  world.network.confirmed.findLast((one) => one.kind === 'device_recorded' && one.deviceId === of.id && one.code) as
    | { code: { no: number; state: string; wrong: number } }
    | undefined
const came = (of = device) => verdict(of)?.code
const sent = () => /(\d{8})$/.exec(world.network.texts.at(-1)?.text ?? '')?.[1] ?? ''
const otherThan = (code: string) => String((Number(code) + 1) % 100_000_000).padStart(8, '0')

interface Asked {
  readonly no: number
  readonly askedAtMs: number
}
async function ask(no = 1, of = device): Promise<Asked> {
  const asked = { no, askedAtMs: world.now }
  await tell({ code: asked }, of)
  return asked
}
/** The consent that the edge signs for what was entered. */
const entered = (asked: Asked, code: string, over: Partial<Consent> = {}, of = device) => {
  const givenAtMs = asked.askedAtMs + 1
  const names = { askedBy: `device:${of.id}`, confirmedBy: 'holder' }
  const about = { ...names, givenAtMs, untilMs: givenAtMs + 30 * DAY_MS, code: { ...asked, digits: code } }
  return world.consent(of, { ...about, ...over })
}
async function enter(asked: Asked, code: string, over: Partial<Consent> = {}) {
  const { signed: answer } = await entered(asked, code, over)
  await tell({ code: { ...asked, answer } })
}
const pays = async () => {
  const payment = device.payment({
    ...{ type: 'p2p', sender: device.ownerWallet, receiver: payee, amount: amountMinor(1000) },
    initiatedAtMs: Math.floor(world.now / 1000) * 1000,
  })
  world.network.send(await world.admit(device, [payment]))
  await tell()
  const outcome = world.network.outcomes(device.id).findLast((one) => one.counter === payment.counter)
  return outcome?.reason ?? outcome?.status ?? 'waiting'
}
const wrong = async () => {
  const { findings } = JSON.parse((await call(verify, ['--json'], world)).output)
  return findings.filter(({ found }: { found: number }) => found > 0).map(({ check }: { check: string }) => check)
}

test('the code that went to the holder’s telephone lets a customer’s device pay', async () => {
  const asked = await ask()
  expect(world.network.texts).toMatchObject([{ to: phone, id: `${device.id}/1` }])
  expect(world.network.texts[0]?.text).toContain(device.id)
  expect(came()).toEqual({ no: 1, state: 'sent', wrong: 0 })
  expect(await pays(), 'not before it is entered').toBe('payer_not_proven')
  await enter(asked, sent())
  expect(came()).toEqual({ no: 1, state: 'accepted', wrong: 0 })
  expect(await pays()).toBe('succeeded')
  expect(await db().balance(device.ownerWallet)).toBe(99_000)
  expect(await wrong()).toEqual([])
})

test('what is said again sends nothing again, and changes nothing', async () => {
  const asked = await ask()
  await tell({ code: asked })
  expect(world.network.texts).toHaveLength(1)
  await enter(asked, sent())
  await enter(asked, sent())
  expect(came()).toEqual({ no: 1, state: 'accepted', wrong: 0 })
  const { rows } = await db().app.query('SELECT is_right FROM offline_consent_answers WHERE device_id = $1', [
    device.id,
  ])
  expect(rows).toEqual([{ is_right: true }])
})

describe('nothing moves by', () => {
  const isNone = async (state: string, tries: number) => {
    expect(came()).toEqual({ no: 1, state, wrong: tries })
    expect(await pays()).toBe('payer_not_proven')
    expect(await wrong()).toEqual([])
  }

  test('another code', async () => {
    const asked = await ask()
    await enter(asked, otherThan(sent()))
    await isNone('sent', 1)
    await enter(asked, sent())
    expect(came()?.state, 'and the right one after it').toBe('accepted')
  })

  test('the right one after five others', async () => {
    const asked = await ask()
    for (let i = 0, code = sent(); i < CODE_TRIES_MAX; i++) {
      code = otherThan(code)
      await enter(asked, code)
    }
    await enter(asked, sent())
    await isNone('sent', CODE_TRIES_MAX)
  })

  test('a code that nobody was sent', async () => {
    world.network.gateway = () => 400
    const asked = { no: 1, askedAtMs: world.now }
    const codes = await codesOf(world)
    const subject = { ...asked, deviceId: device.id, wallet: device.ownerWallet, tenant: 'molam' }
    const own = await thumbprint(webCryptoSuite, device.signer.key)
    const code = (await codes.codeFor({ ...subject, thumbprint: own }, codes.keyId)) ?? ''
    // Its request and its answer come at once, so nothing can have gone out.
    await enter(asked, code)
    await isNone('undelivered', 0)
  })

  test('one of another device, key, wallet, tenant or request', async () => {
    const asked = await ask()
    const other = Object.assign(await TestDevice.create(device.ownerWallet), { hasConsent: false })
    await ask(1, other)
    const stolen = sent()
    expect(stolen).not.toBe('')
    await enter(asked, stolen)
    await isNone('sent', 1)
  })

  test('one of a request that was made at another time', async () => {
    const asked = await ask()
    await enter({ ...asked, askedAtMs: asked.askedAtMs + 1 }, sent())
    await isNone('sent', 0)
  })

  test('one that is used a second time', async () => {
    const asked = await ask()
    const { signed } = await entered(asked, sent())
    await tell({ code: { ...asked, answer: signed } })
    await tell({ consents: [{ signed, withdrawnAtMs: world.now }] })
    const again = await entered(asked, sent(), { givenAtMs: asked.askedAtMs + 2 })
    await tell({ code: { ...asked, answer: again.signed }, consents: [{ signed, withdrawnAtMs: world.now }] })
    expect(await pays()).toBe('payer_not_proven')
  })

  test('one that the edge says among the consents, and that is none', async () => {
    const asked = await ask()
    await tell({ consents: [await entered(asked, otherThan(sent()))] })
    expect(await pays()).toBe('payer_not_proven')
  })
})

test('what the holder takes back stays so, in whatever order that comes', async () => {
  const asked = await ask()
  const { signed } = await entered(asked, sent())
  await tell({ consents: [{ signed, withdrawnAtMs: world.now }] })
  await tell({ code: { ...asked, answer: signed } })
  expect(await pays()).toBe('payer_not_proven')
  expect(await wrong()).toEqual([])
})

describe('no code goes out', () => {
  test('to a wallet without a telephone', async () => {
    device = Object.assign(await TestDevice.create(), { hasConsent: false })
    await db().open(device.ownerWallet)
    await ask()
    expect(came()).toEqual({ no: 1, state: 'no_phone', wrong: 0 })
  })

  test('to a wallet that the ledger does not have in this tenant', async () => {
    device = Object.assign(await TestDevice.create(), { hasConsent: false })
    await ask()
    expect(came()?.state).toBe('unknown_wallet')
    device = Object.assign(await TestDevice.create(), { hasConsent: false })
    await db().open(device.ownerWallet, 0, { phone, tenant: 'autre' })
    await ask()
    expect(came()?.state).toBe('unknown_wallet')
  })

  test('more than three times a day, over all devices of the wallet', async () => {
    const others = await Promise.all(
      [1, 2, 3].map(async () => Object.assign(await TestDevice.create(device.ownerWallet), { hasConsent: false })),
    )
    for (const other of others) await ask(1, other)
    await ask()
    expect(world.network.texts).toHaveLength(3)
    expect(came()?.state).toBe('too_many')
    world.now += DAY_MS
    await ask(2)
    expect(world.network.texts).toHaveLength(4)
  })

  test('for a request that is over', async () => {
    await ask(2)
    await tell({ code: { no: 1, askedAtMs: world.now } })
    expect(world.network.texts).toHaveLength(1)
    expect(came()?.no).toBe(2)
  })

  test('where there is no gateway', async () => {
    const off = parseConfig({ ...world.env, CONSENT_CODE_URL: undefined, CONSENT_CODE_TOKEN: undefined })
    const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log: openLog('silent') }
    const reconciler = await openReconciler(off, around)
    world.network.send(await world.facts(device, { rev: ++rev, code: { no: 1, askedAtMs: world.now } }))
    await reconciler.once()
    await reconciler.close()
    expect(came()).toEqual({ no: 1, state: 'off', wrong: 0 })
    expect(world.network.texts).toEqual([])
  })
})

describe('the gateway', () => {
  test('is asked again while it fails, with the same code and the same id', async () => {
    const statuses = [500, 429, 408, 200]
    world.network.gateway = () => statuses.shift() ?? 200
    await ask()
    for (let i = 0; i < 4; i++) await world.settle()
    const texts = world.network.texts.map(({ text, id, to }) => `${to} ${id} ${text}`)
    expect(texts).toHaveLength(4)
    expect(new Set(texts).size).toBe(1)
    expect(came()?.state).toBe('sent')
  })

  test('is not asked again when it refuses', async () => {
    world.network.gateway = () => 422
    await ask()
    expect(world.network.texts).toHaveLength(1)
    expect(came()?.state).toBe('undelivered')
  })

  test('is asked until the code is over', async () => {
    world.network.gateway = () => 503
    await ask()
    expect(came()?.state).not.toBe('undelivered')
    world.now += CODE_VALID_MS
    await world.settle()
    await world.settle()
    expect(came()?.state).toBe('undelivered')
  })

  test('that does not answer holds up no settlement', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    world.network.gateway = () => promise
    const stop = new AbortController()
    const reconciler = await world.reconciler()
    const running = reconciler.run(stop.signal)
    world.network.send(await world.facts(device, { rev: ++rev, code: { no: 1, askedAtMs: world.now } }))
    await vi.waitFor(() => expect(world.network.texts).toHaveLength(1), { timeout: 60_000 })
    const other = Object.assign(await TestDevice.create(), { hasConsent: false })
    world.network.send(await world.facts(other))
    await vi.waitFor(() => expect(world.network.confirmed.some(({ deviceId }) => deviceId === other.id)).toBe(true), {
      timeout: 60_000,
    })
    resolve(200)
    stop.abort()
    await running
  })
})

describe('what a login of the database writes', () => {
  const accepted = async () => {
    const asked = await ask()
    await enter(asked, otherThan(sent()))
    return asked
  }

  test('a consent by a code that is none is found', async () => {
    const asked = await accepted()
    const { signed } = await entered(asked, otherThan(sent()))
    expect(await wrong()).toEqual([])
    await tamper(
      db().ownerUrl,
      `INSERT INTO offline_wallet_consents (device_id, digest, thumbprint, wallet, tenant, asked_by, confirmed_by, by_holder,
         given_at, until_at, signed, recorded_at)
       SELECT device_id, sha256('\\x${Buffer.from(signed).toString('hex')}'::bytea), thumbprint, wallet, tenant,
              'device:' || device_id, 'holder', true, to_timestamp(${(asked.askedAtMs + 1) / 1000}),
              to_timestamp(${(asked.askedAtMs + 1 + 30 * DAY_MS) / 1000}), '\\x${Buffer.from(signed).toString('hex')}', now()
       FROM offline_consent_codes WHERE device_id = '${device.id}'`,
    )
    expect(await wrong()).toEqual(['device_evidence'])
    await tamper(db().ownerUrl, `DELETE FROM offline_wallet_consents WHERE device_id = '${device.id}'`)
  })

  test('people’s consent that is called the holder’s is found', async () => {
    device.hasConsent = true
    await tell()
    const row = `WHERE device_id = '${device.id}'`
    await tamper(db().ownerUrl, `UPDATE offline_wallet_consents SET by_holder = true, confirmed_by = 'holder' ${row}`)
    expect(await pays()).toBe('succeeded')
    expect(await wrong()).toEqual(expect.arrayContaining(['device_evidence']))
    const back = `by_holder = false, confirmed_by = 'user:confirm'`
    await tamper(db().ownerUrl, `UPDATE offline_wallet_consents SET ${back} ${row}`)
    await tamper(db().ownerUrl, `DELETE FROM offline_consent_answers ${row}`)
  })

  test('false tries lock no device out of its code, and are found', async () => {
    const asked = await ask()
    const row = (digest: string, isRight: boolean) =>
      once(
        db().logins.record,
        'INSERT INTO offline_consent_answers (device_id, no, digest, is_right, recorded_at) VALUES ($1, 1, sha256($2), $3, now())',
        [device.id, Buffer.from(digest), isRight],
      )
    for (let n = 0; n < CODE_TRIES_MAX; n++) await row(`false ${n}`, false)
    await row('false and right', true)
    // The right one, said to be wrong before it comes.
    const { signed } = await entered(asked, sent())
    await once(
      db().logins.record,
      'INSERT INTO offline_consent_answers (device_id, no, digest, is_right, recorded_at) VALUES ($1, 1, sha256($2), false, now())',
      [device.id, Buffer.from(signed)],
    )
    await enter(asked, sent())
    expect(await pays()).toBe('succeeded')
    expect(await wrong()).toEqual(expect.arrayContaining(['device_evidence']))
    for (const table of ['offline_consent_answers', 'offline_wallet_consents']) {
      await tamper(db().ownerUrl, `DELETE FROM ${table} WHERE device_id = '${device.id}'`)
    }
  })

  test('tries cannot be had back, and a code not be made another’s', async () => {
    await accepted()
    const where = `WHERE device_id = '${device.id}'`
    for (const change of [
      `DELETE FROM offline_consent_answers ${where}`,
      `UPDATE offline_consent_answers SET is_right = true ${where}`,
      `UPDATE offline_consent_codes SET wallet = '${payee}' ${where}`,
      `UPDATE offline_consent_codes SET until_at = until_at + interval '1 day' ${where}`,
      `DELETE FROM offline_consent_codes ${where}`,
    ]) {
      await expect(db().owner.query(change), change).rejects.toThrow('append-only')
    }
  })

  test.each([
    ['of facts that are not here', 99],
    ['of facts that ask for nothing', 1],
    ['of facts that ask for another one', 2],
  ])('a request %s, put into a row, is sent to nobody', async (_, planted) => {
    await tell()
    await ask(1)
    expect(world.network.texts).toHaveLength(1)
    const own = await thumbprint(webCryptoSuite, device.signer.key)
    await db().app.query(
      `INSERT INTO offline_consent_codes (device_id, no, rev, thumbprint, wallet, tenant, asked_at, until_at, recorded_at, next_attempt_at, key_id)
       VALUES ($1, 7, $2, $3, $4, 'molam', $5, $6, $5, $5, $7)`,
      [
        ...[device.id, planted, Buffer.from(own), device.ownerWallet],
        ...[new Date(world.now), new Date(world.now + CODE_VALID_MS), (await codesOf(world)).keyId],
      ],
    )
    await world.settle()
    expect(world.network.texts).toHaveLength(1)
    const { rows } = await db().app.query(
      'SELECT sent_at, given_up_at IS NOT NULL AS ended FROM offline_consent_codes WHERE device_id = $1 AND no = 7',
      [device.id],
    )
    expect(rows).toEqual([{ sent_at: null, ended: true }])
    expect(await wrong(), 'and the verifier finds it').toContain('device_evidence')
    await tamper(db().ownerUrl, `DELETE FROM offline_consent_codes WHERE device_id = '${device.id}' AND no = 7`)
  })

  test('the login that records reads no number, and the one that reads numbers asks for none', async () => {
    await ask()
    const as = (role: string, sql: string) =>
      db()
        .app.query(`BEGIN; SET LOCAL ROLE ${role}; ${sql}; ROLLBACK`)
        .finally(() => db().app.query('ROLLBACK'))
    const read = `SELECT offline_code_recipient('${device.id}', 1)`
    await expect(as('molam_record', read)).rejects.toThrow('permission denied')
    await expect(as('molam_read', read)).rejects.toThrow('permission denied')
    await expect(as('molam_record', 'SELECT phone FROM wallet_core.account_holders')).rejects.toThrow(
      'permission denied',
    )
    const insert = 'INSERT INTO offline_consent_codes (device_id) VALUES (1)'
    await expect(as('molam_settle', insert)).rejects.toThrow('permission denied')
  })
})

describe('while the key changes', () => {
  const newKey = toBase64url(randomBytes(32))
  /** The settings of a reconciler, its verifier and `verify` after the change. */
  const changed = (over: object = {}) => ({ ...world.env, CONSENT_CODE_KEY: newKey, ...over })
  const kept = () => changed({ CONSENT_CODE_OLD_KEY: world.env['CONSENT_CODE_KEY'] })
  const settleWith = async (env: object) => {
    const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log: openLog('silent') }
    const reconciler = await openReconciler(parseConfig(env as Record<string, string>), around)
    await reconciler.once()
    await reconciler.close()
  }
  const found = async (env: object) => {
    const { findings } = JSON.parse((await call(verify, ['--json'], world, env)).output)
    const own = findings.find(({ check }: { check: string }) => check === 'device_evidence')
    return { found: own.found, unproven: own.unproven ?? 0 }
  }

  test('a code of the key before it is good, new codes are of the new one, and both hold for the verifier', async () => {
    const asked = await ask()
    const { signed: answer } = await entered(asked, sent())
    world.network.send(await world.facts(device, { rev: ++rev, code: { ...asked, answer } }))
    await settleWith(kept())
    expect(came()).toEqual({ no: 1, state: 'accepted', wrong: 0 })

    const other = Object.assign(await TestDevice.create(device.ownerWallet), { hasConsent: false })
    const second = { no: 1, askedAtMs: world.now }
    world.network.send(await world.facts(other, { rev: 1, code: second }))
    await settleWith(kept())
    const code = await entered(second, sent(), {}, other)
    world.network.send(await world.facts(other, { rev: 2, code: { ...second, answer: code.signed } }))
    await settleWith(kept())
    expect(came(other)).toEqual({ no: 1, state: 'accepted', wrong: 0 })
    expect(await found(kept())).toEqual({ found: 0, unproven: 0 })
    // Without the new key one of them is not to be said, and without the old one many more.
    expect(await found(world.env)).toEqual({ found: 0, unproven: 1 })
    await tell({}, other)
  })

  test('a code of a key that is gone is no try, and what was given by one is said in the status and halts nothing', async () => {
    const asked = await ask()
    await enter(asked, sent())
    const before = JSON.parse((await call(status, ['--json'], world, changed())).output).unprovenConsents
    expect(before).toBeGreaterThan(0)
    expect((await call(status, [], world, changed())).output).toContain(
      'consents by codes of a key that is not configured',
    )
    expect((await call(status, [], world, kept())).output).not.toContain('codes of a key')
    expect((await found(changed())).found).toBe(0)
    expect((await found(changed())).unproven).toBe(before)

    const late = Object.assign(await TestDevice.create(device.ownerWallet), { hasConsent: false })
    const second = await ask(1, late)
    const right = await entered(second, sent(), {}, late)
    world.network.send(await world.facts(late, { rev: ++rev, code: { ...second, answer: right.signed } }))
    await settleWith(changed())
    expect(came(late)).toEqual({ no: 1, state: 'sent', wrong: 0 })
  })
})

describe('a code', () => {
  const subject = async () => ({
    ...{ deviceId: device.id, wallet: device.ownerWallet, tenant: 'molam', no: 1, askedAtMs: 1_793_000_000_000 },
    thumbprint: await thumbprint(webCryptoSuite, device.signer.key),
  })

  test('is of one device, key, wallet, tenant and request, and of one key of ours', async () => {
    const key = randomBytes(32)
    const codes = await consentCodes({ key })
    const make = ({ keyId, codeFor }: ConsentCodes, of: CodeSubject) => codeFor(of, keyId)
    const one = await subject()
    const code = (await make(codes, one)) ?? ''
    expect(code).toMatch(/^\d{8}$/)
    expect(await make(await consentCodes({ key }), one)).toBe(code)
    const others = [
      { deviceId: 'POS-ELSE' },
      { thumbprint: new Uint8Array(32) },
      { wallet: 'W-ELSE' },
      { tenant: 'autre' },
      { no: 2 },
      { askedAtMs: one.askedAtMs + 1 },
    ]
    for (const other of others) expect(await make(codes, { ...one, ...other }), Object.keys(other)[0]).not.toBe(code)
    const newer = await consentCodes({ key: randomBytes(32), oldKey: key })
    expect(await make(newer, one)).not.toBe(code)
    expect(await newer.codeFor(one, codes.keyId), 'the key before it is named').toBe(code)
    expect(await newer.keyOf(one, code)).toBe(codes.keyId)
    expect(newer.keyIds).toEqual([newer.keyId, codes.keyId])
    expect(await codes.codeFor(one, newer.keyId), 'of a key that is not here').toBeUndefined()
    expect(await codes.keyOf(one, code)).toBe(codes.keyId)
    expect(await codes.keyOf(one, otherThan(code))).toBeUndefined()
    expect(await codes.keyOf(one, '')).toBeUndefined()
  })
})

test('the message is one of 160 characters of the GSM alphabet, says who asks, and ends with the code', () => {
  const gsm = /^[A-Za-z0-9 .,:;'"!?()_\-+*/=<>%&#@$\néèàùìòÉÇ]*$/
  for (const id of ['POS-1', 'x'.repeat(64)]) {
    const text = codeText(id, '04183920')
    expect(text.length).toBeLessThanOrEqual(160)
    expect(text).toMatch(gsm)
    expect(text).toContain(id.slice(0, 19))
    expect(text).toMatch(/ 04183920$/)
  }
})

test('the edge is told what the ledger does not bear out', async () => {
  device.hasConsent = true
  await tell()
  const told = (of = device) =>
    world.network.confirmed.findLast((one) => one.kind === 'device_recorded' && one.deviceId === of.id)
  const own = await thumbprint(webCryptoSuite, device.signer.key)
  expect(told(), 'a tenant has no word for a customer').toMatchObject({
    refused: [{ thumbprint: own, givenAtMs: device.consentedAtMs }],
  })
  const shop = await world.device('merchant')
  await tell({}, shop)
  expect(told(shop)).not.toHaveProperty('refused')
  const early = await TestDevice.create()
  await tell({}, early)
  expect(told(early), 'a wallet that is not there yet may come').not.toHaveProperty('refused')
  await db().open(early.ownerWallet, 0, { kind: 'merchant', tenant: 'autre' })
  await world.settle()
  expect(told(early)).toHaveProperty('refused')
})

test('no code and no telephone number is in a log, the audit, the book or a message to the edge', async () => {
  const lines: string[] = []
  const line = (...what: unknown[]) => void lines.push(JSON.stringify(what))
  const log = { debug: line, info: line, warn: line, error: line } as unknown as Log
  const asked = await ask()
  const code = sent()
  world.network.gateway = () => 500
  await enter(asked, otherThan(code))
  await enter(asked, code)
  world.network.send(await world.facts(device, { rev: ++rev, code: { no: 2, askedAtMs: world.now } }))
  const worker = await world.reconciler()
  await worker.once()
  for (const status of [500, 400]) {
    world.now += 120_000
    world.network.gateway = () => status
    const sender = openGateway({ gatewayUrl: 'http://gateway.test/codes', gatewayToken: 't' }, world.network.fetch)
    const both = { pool: db().app, settle: db().app, alarm: () => expect.fail('it was asked for') }
    const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
    const crypto = { codes: await codesOf(world), trusted: await trustedReceiptKeys(keys) }
    expect(await sendCodes({ ...both, ...crypto, sender, clock: () => world.now, random: () => 0, log })).toBe(1)
  }
  expect(lines).toHaveLength(2)
  const secrets = [code, sent(), phone, phone.slice(1)]
  const { rows } = await db().app.query('SELECT detail::text AS detail FROM offline_audit_logs')
  lines.push(...rows.map(({ detail }: { detail: string }) => detail), JSON.stringify(world.network.confirmed))
  const { rows: book } = await db().app.query('SELECT c::text AS row FROM offline_consent_codes c')
  lines.push(...book.map(({ row }: { row: string }) => row))
  const all = lines.join('\n')
  expect(all).toContain('"right": true')
  for (const secret of secrets) expect(all).not.toContain(secret)
})
