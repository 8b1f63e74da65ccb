import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OfflineError, readRequest } from '../../../../src/device/sdk/index.ts'
import { equalBytes } from '../../../../src/protocol/bytes.ts'
import { decodePaymentAnswer, encodePaymentAnswer } from '../../../../src/protocol/payment-request.ts'
import { ALLOWANCE, Counter } from './counter.ts'

type Bend = (bytes: Uint8Array) => Uint8Array

/** What bad light, a torn code and a thumb make of bytes, and what somebody makes of them who would like to be paid. */
const bend: fc.Arbitrary<Bend> = fc.oneof(
  fc.tuple(fc.nat(299), fc.nat(7)).map(
    ([at, bit]): Bend =>
      (bytes) => {
        const i = at % bytes.length
        return bytes.with(i, (bytes[i] ?? 0) ^ (1 << bit))
      },
  ),
  fc.nat(299).map(
    (at): Bend =>
      (bytes) =>
        bytes.slice(0, at % bytes.length),
  ),
  fc.nat(299).map(
    (at): Bend =>
      (bytes) =>
        bytes.slice(1 + (at % bytes.length)),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 8 }).map(
    (more): Bend =>
      (bytes) =>
        Uint8Array.of(...bytes, ...more),
  ),
  fc.tuple(fc.nat(299), fc.nat(299)).map(
    ([one, other]): Bend =>
      (bytes) => {
        const [i, j] = [one % bytes.length, other % bytes.length]
        return bytes.with(i, bytes[j] ?? 0).with(j, bytes[i] ?? 0)
      },
  ),
)

it('an answer with any bit changed, cut or longer takes nothing, and the true one is taken afterwards', async () => {
  const counter = await Counter.open(ALLOWANCE)
  const answer = await counter.phone.authorize(await counter.request(25_000))
  const { pass, authorization } = decodePaymentAnswer(answer)
  const wrong = fc.oneof(
    bend.map((bent) => bent(answer)),
    bend.map((bent) => encodePaymentAnswer({ pass: bent(pass), authorization })),
    bend.map((bent) => encodePaymentAnswer({ pass, authorization: bent(authorization) })),
  )
  await fc.assert(
    fc.asyncProperty(wrong, async (bytes) => {
      fc.pre(!equalBytes(bytes, answer))
      const error = await counter.till.acceptAuthorization(bytes).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'authorization_invalid', money: 'not_taken', fault: expect.any(String) })
    }),
    { numRuns: 600 },
  )
  expect(counter.till.getTransactions()).toEqual([])
  expect(await counter.till.acceptAuthorization(answer)).toMatchObject({ amount: 25_000, guarantee: 'covered' })
})

it('a request with any bit changed is signed as what it says, and that is not what the till has asked', async () => {
  const counter = await Counter.open()
  let signed = 0
  await fc.assert(
    fc.asyncProperty(bend, async (bent) => {
      const request = await counter.request(25_000)
      const bytes = bent(request)
      fc.pre(!equalBytes(bytes, request))
      const said = readRequest(bytes)
      try {
        const answer = await counter.phone.authorize(bytes)
        signed++
        // What the person saw is what is signed.
        expect(said).toBeDefined()
        expect((await counter.phone.authorized())[0]).toMatchObject(said ?? {})
        await expect(counter.till.acceptAuthorization(answer)).rejects.toMatchObject({ code: 'authorization_invalid' })
        const again = counter.phone.authorize(request)
        // Under one id the phone says one thing; under another id this is another request.
        await again.catch((error: unknown) => expect(error).toMatchObject({ code: 'request_invalid' }))
      } catch (error) {
        if (!(error instanceof OfflineError)) throw error
        expect(error.money).toBe('not_taken')
      }
    }),
    { numRuns: 200 },
  )
  expect(signed).toBeGreaterThan(0)
  expect(counter.till.getTransactions()).toEqual([])
  expect(await counter.pay(25_000)).toMatchObject({ guarantee: 'signed' })
})
