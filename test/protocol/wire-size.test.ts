import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { WIRE_TARGETS, type WireSizes, wireSizes } from '../../bench/device/bytes.ts'
import { SECONDS_BETWEEN_PAYMENTS, SHOP, takings } from '../../bench/device/payments.ts'
import { openPlainForm, plainForm } from '../../bench/device/plain-form.ts'
import { bundleOf } from '../../bench/device/wire.ts'
import { Rig } from '../device/sdk/rig.ts'
import { type SignedBy, signedTakings } from './signed-wire.ts'

/** The length of a bundle depends on its payments alone: it is the same on every machine. */
let sizes: WireSizes
beforeAll(async () => {
  sizes = await wireSizes()
})

describe('on the wire', () => {
  it('a payment by itself takes at most 340 bytes, with the evidence of the clock, which costs 5 at the most', () => {
    expect(sizes.one).toBeLessThanOrEqual(WIRE_TARGETS.one)
    expect(sizes.one - sizes.oneWithoutEvidence).toBeLessThanOrEqual(5)
  })

  it('10 payments take at most 65 bytes each', () => {
    expect(sizes.ten).toBeLessThanOrEqual(10 * WIRE_TARGETS.eachOfTen)
  })

  it('50 payments take at most 36 bytes each with every sender different, and 22 with one payer', () => {
    expect(sizes.fifty).toBeLessThanOrEqual(50 * WIRE_TARGETS.eachOfFifty)
    expect(sizes.fiftyByOne).toBeLessThanOrEqual(50 * WIRE_TARGETS.eachOfFiftyByOne)
  })

  it('50 payments take a fifteenth of the plain form, or less', () => {
    expect(sizes.plainFifty / sizes.fifty).toBeGreaterThanOrEqual(WIRE_TARGETS.timesBelowPlain)
  })
})

describe('with the word of each payer', () => {
  const each = async (signed: SignedBy) => {
    const terms = await signedTakings(50, signed)
    return (await bundleOf(terms, true)).length / terms.length
  }

  it.each(['phone', 'uuid'] as const)(
    'a pass takes at most 175 bytes and an authorization 110, with an allowance in both: %s wallets',
    async (wallets) => {
      for (const { authorization } of await signedTakings(50, { payers: 'different', wallets, covered: true })) {
        expect(authorization?.pass.length).toBeLessThanOrEqual(175)
        expect(authorization?.authorization.length).toBeLessThanOrEqual(110)
      }
    },
  )

  it.each(['phone', 'uuid'] as const)(
    '50 payments take at most 300 bytes each with 50 payers, 305 with cover, and 135 with one payer: %s wallets',
    async (wallets) => {
      const of = (payers: 'different' | 'one', covered: boolean) => each({ payers, wallets, covered })
      expect(await of('different', false)).toBeLessThanOrEqual(300)
      expect(await of('different', true)).toBeLessThanOrEqual(305)
      expect(await of('one', true)).toBeLessThanOrEqual(135)
    },
  )
})

it('the SDK pushes what was measured: the same bytes, less those that a new device’s short numbers and name save', async () => {
  const rig = await Rig.create()
  rig.edge.ownerWallet = SHOP
  const sdk = await rig.started()
  const terms = takings(50, 'different')
  for (const payment of terms) {
    await sdk.createOfflineTransaction(payment)
    rig.timeMs += SECONDS_BETWEEN_PAYMENTS * 1000
  }
  await sdk.syncNow()
  const push = rig.edge.requests.find(({ path }) => path === '/offline/push')
  // POS-001 against POS-SN-000123, sequence number 1 against 321, first counter 1 against 12 001.
  expect(push?.body?.length).toBe(sizes.fifty - 6 - 2 - 2)
  await sdk.destroy()
})

it('the plain form holds all payments for whoever has the key, and is refused when a byte of it is changed', () => {
  const recipient = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { privateKey: signer } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = plainForm(takings(50, 'one'), { recipient: recipient.publicKey, signer })
  expect(openPlainForm(body, recipient.privateKey)).toBe(50)
  const { bundle, ...rest } = JSON.parse(body.toString()) as { bundle: string }
  const envelope = Buffer.from(bundle, 'base64').toString()
  const bent = Buffer.from(
    envelope.replace(/"iv":"./, (iv: string) => (iv.endsWith('A') ? '"iv":"B' : '"iv":"A')),
  ).toString('base64')
  const changed = Buffer.from(JSON.stringify({ ...rest, bundle: bent }))
  expect(() => openPlainForm(changed, recipient.privateKey)).toThrow()
})
