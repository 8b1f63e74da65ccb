import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { STORED_PER_DAY_MAX } from '../../durable-objects/device/room.ts'
import { toBase64url } from '../../src/protocol/bytes.ts'
import type { KeySet } from '../../src/protocol/keyset.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { askAbout, dumpObject, inObject, lostQueues, type Queues, select } from '../durable-objects/device/kit.ts'
import { keySet, ORIGIN, push, pushed, registered, SELF } from '../edge/kit.ts'
import { signAnswer } from '../kit/claim-answer.ts'
import { signConsentWord } from '../kit/consent-word.ts'
import type { Made, TestDevice } from '../kit/device.ts'
import { signMandate } from '../kit/mandate.ts'

/** A device that sends as much as it can, by itself and through carriers. */
let keys: KeySet
let queues: Queues
let device: TestDevice
beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  device.signsForPayers = false
  queues.watch(device)
})

const META = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`note${n}`, 'x'.repeat(90)]))
/** A bundle of nearly 64 KiB. */
const large = (relay: boolean): Promise<Made> =>
  device.bundle(
    Array.from({ length: 62 }, () => device.payment({ meta: META })),
    keys,
    { relay },
  )
const stored = async () => {
  const sum = 'SELECT SUM(length(bundle) + length(receipt)) AS bytes, COUNT(*) AS bundles FROM bundles'
  const [row] = await select<{ bytes: number; bundles: number }>(device, sum)
  return row ?? { bytes: 0, bundles: 0 }
}

it('a day of its flood takes 5 MB, the rest is told to come tomorrow, and nobody else has less room', {
  timeout: 300_000,
}, async () => {
  const admitted: Made[] = []
  let refusal: { readonly made: Made; readonly response: Response } | undefined
  // Half of it through carriers: each way has a quota of requests of its own, and both fill one room.
  for (let n = 0; refusal === undefined && n < 110; n++) {
    const made = await large(n % 2 === 1)
    const response = await push(made.bundle)
    if (response.status === 200) admitted.push(made)
    else refusal = { made, response }
  }
  const { made, response } = refusal ?? expect.fail('it was never refused')
  expect(response.status).toBe(429)
  expect(await response.json()).toMatchObject({
    code: 'rate_limited',
    next: 'retry',
    money: 'unchanged_by_this_request',
  })
  expect(response.headers.get('ratelimit-policy')).toBe(`"storage";q=${STORED_PER_DAY_MAX};qu="content-bytes";w=86400`)
  const retryAfterS = Number(response.headers.get('retry-after'))
  expect(Math.abs((Date.now() / 1000 + retryAfterS) % 86_400)).toBeLessThan(60)
  const { bytes, bundles } = await stored()
  expect(bundles).toBe(admitted.length)
  expect(bytes).toBeGreaterThan(STORED_PER_DAY_MAX * 0.95)
  expect(bytes).toBeLessThanOrEqual(STORED_PER_DAY_MAX)

  // Nothing of what is refused is kept, small or large, and what was admitted still gets its receipt.
  const before = await dumpObject(device)
  const again = await device.resign(made)
  expect((await push(again.bundle)).status).toBe(429)
  const first = admitted[0] ?? expect.fail('nothing was admitted')
  await pushed((await device.resign(first)).bundle)
  expect(await dumpObject(device)).toBe(before)

  const other = await registered()
  await pushed((await other.bundle([other.payment()], keys)).bundle)
  // Tomorrow the same bundle is taken.
  await inObject(device, ({ storage: { sql } }) => {
    sql.exec("UPDATE device SET stored = json_set(stored, '$.day', json_extract(stored, '$.day') - 1)")
  })
  await pushed((await device.resign(made)).bundle)
})

it('rows are bounded too: the smallest bundles take room as well', async () => {
  await inObject(device, ({ storage: { sql } }) => {
    const today = Math.floor(Date.now() / 86_400_000)
    sql.exec('UPDATE device SET stored = ?', JSON.stringify({ day: today, bytes: STORED_PER_DAY_MAX - 4000 }))
  })
  const small = async () => (await push((await device.bundle([device.payment()], keys)).bundle)).status
  expect([await small(), await small(), await small()]).toEqual([200, 200, 429])
})

describe('what a device signs besides bundles takes room of the same day', () => {
  const WORDS = 'words of another device'
  /** There is room for two more of them. */
  const fill = (of: TestDevice, way: string) =>
    inObject(of, ({ storage: { sql } }) => {
      const today = Math.floor(Date.now() / 86_400_000)
      sql.exec(
        'UPDATE device SET stored = ?',
        JSON.stringify({ day: today, bytes: STORED_PER_DAY_MAX - (way === WORDS ? 4000 : 3000) }),
      )
    })
  const send = (path: string, body: object, headers: Record<string, string> = {}) =>
    SELF.fetch(ORIGIN + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const untilMs = Math.floor(Date.now() / 1000) * 1000 + 86_400_000
  const WAYS: Readonly<Record<string, (n: number) => Promise<Response>>> = {
    'answers to claims': async (counter) => {
      const about = { takerId: device.id, counter, contentHash: new Uint8Array(32), amount: amountMinor(1) }
      await askAbout(device, counter, about)
      const answer = await signAnswer(device, { ...about, choice: 'refuse', answeredAtMs: 1000 })
      return send('/offline/claims/answer', { answer: toBase64url(answer) })
    },
    mandates: async (no) => {
      const terms = { wallet: device.ownerWallet, currency: currency('XOF'), paymentMax: 1, dayMax: 1, untilMs, no }
      return send('/offline/mandates', { mandate: toBase64url(await signMandate(device, terms)) })
    },
    [WORDS]: async (n) => {
      const { ownerWallet } = device
      const giver = Object.assign(await registered({ owner_wallet: ownerWallet }), { ownerWallet })
      const madeAtMs = Math.floor(Date.now() / 1000) * 1000 + n * 1000
      const word = await signConsentWord(giver, device, { madeAtMs, untilMs })
      const body = { consent: toBase64url(word) }
      const proof = await device.proof('POST', `${ORIGIN}/offline/consents`, {}, JSON.stringify(body))
      return send('/offline/consents', body, { authorization: `Molam-Device ${proof}` })
    },
  }
  it.each(Object.keys(WAYS))('%s', async (way) => {
    await fill(device, way)
    const responses = [await WAYS[way]?.(1), await WAYS[way]?.(2), await WAYS[way]?.(3)]
    expect(responses.map((response) => response?.status)).toEqual([200, 200, 429])
    expect(await responses[2]?.json()).toMatchObject({ code: 'rate_limited', next: 'retry' })
    expect(Number(responses[2]?.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('what was kept still gets its answer, and takes nothing more', async () => {
    const [answers = ''] = Object.keys(WAYS)
    await fill(device, answers)
    for (const n of [1, 2]) await WAYS[answers]?.(n)
    const before = await dumpObject(device)
    expect((await WAYS[answers]?.(2))?.status).toBe(200)
    expect(await dumpObject(device)).toBe(before)
  })
})

it('a fork is found and its device suspended, though there is no room', async () => {
  await pushed((await device.bundle([device.payment()], keys)).bundle)
  await inObject(device, ({ storage: { sql } }) => {
    const today = Math.floor(Date.now() / 86_400_000)
    sql.exec('UPDATE device SET stored = ?', JSON.stringify({ day: today, bytes: STORED_PER_DAY_MAX }))
  })
  const forged = await device.bundle([device.payment()], keys, { seq: 1, prev: new Uint8Array(16) })
  expect((await push(forged.bundle)).status).toBe(409)
  expect(await select(device, 'SELECT status FROM device')).toEqual([{ status: 'suspended' }])
})
