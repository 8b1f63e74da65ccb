import { afterAll, beforeAll, expect, test } from 'vitest'
import { nobleSuite } from '../../../src/crypto/noble.ts'
import { signSign1 } from '../../../src/crypto/sign1.ts'
import type { Signer } from '../../../src/crypto/suite.ts'
import { keyId, thumbprint } from '../../../src/crypto/thumbprint.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { encodeDeviceProofHeader } from '../../../src/protocol/device-proof.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { randomBytes, type TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** The key of a phone in the wrong hands, and what it is worth after people have taken it away. */
const database = useDatabase()
let market: Market
beforeAll(async () => {
  market = await Market.start(database())
})
afterAll(() => market?.stop())

const suite = nobleSuite(randomBytes)
const newSigner = () => suite.es256Signer(randomBytes(32))
const pathOf = ({ id }: TestDevice) => `/offline/devices/${id}/keys`

/** A new key's own word that it is to be the device's. */
async function proven(device: TestDevice, signer: Signer) {
  const header = encodeDeviceProofHeader({
    ...{ alg: signer.key.alg, kid: await keyId(suite, signer.key), deviceId: device.id, issuedAtMs: Date.now() },
    ...{ nonce: randomBytes(16), htm: 'POST', htu: market.stack.edge.url + pathOf(device) },
  })
  const proof = toBase64url(await signSign1(signer, header, new Uint8Array(), 'molam-device-proof-v1'))
  const { bytes } = signer.key
  const point = { x: toBase64url(bytes.slice(1, 33)), y: toBase64url(bytes.slice(33)) }
  return { public_key: { kty: 'EC', crv: 'P-256', ...point }, proof }
}

/** Whoever has a device's key puts another one in its place. */
async function change({ device }: Thief): Promise<void> {
  const next = await newSigner()
  const url = market.stack.edge.url + pathOf(device)
  const body = JSON.stringify(await proven(device, next))
  const old = await device.proof('POST', url, { confirms: await thumbprint(suite, next.key) }, body)
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Molam-Device ${old}`, 'content-type': 'application/json' },
    body,
  })
  expect(answer.status, await answer.text()).toBe(200)
  Object.assign(device, { signer: next, kid: await keyId(suite, next.key) })
}

/** People take the device's key from whoever has it. */
async function takeAway({ device }: Thief): Promise<void> {
  const body = { ...(await proven(device, await newSigner())), old_key: 'revoke' }
  expect(await market.ask('ops', 'pay_admin', 'POST', pathOf(device), body)).toMatchObject({ status: 200 })
}

/** The first key lets its holder pay, and the thief has put others in its place before anybody knew. */
test.each([
  ['one', 1],
  ['as many as one message names', 17],
])(
  'a stolen phone whose thief changed its key, %s: its first key authorises nothing once the key is revoked',
  async (_, changes) => {
    const [own = ''] = await market.wallets('customer', 1)
    const [shop = ''] = await market.wallets('merchant', 1, 0)
    const phone = await market.phone(own)
    const till = await market.thief(shop, 'ops', 'ops-2')
    const first = Object.assign(Object.create(phone.device) as TestDevice, {
      signer: phone.device.signer,
      kid: phone.device.kid,
    })
    // The road is open, until the key is taken away.
    expect(await till.push([signedBy(first, till.takes(own, { amount: amountMinor(1_000) }))])).toBe('admitted')
    await market.rest(till.admitted)
    expect(await market.missing([own])).toBe(1_000)
    for (let n = 0; n < changes; n++) await change(phone)
    // A bundle of the newest key: the edge looks for no signature of those before it any more.
    expect(await phone.push([phone.takes('W-NOBODY', { amount: amountMinor(1) })])).toBe('admitted')
    await takeAway(phone)
    await market.rest(phone.admitted)

    const asked = till.takes(own, { amount: amountMinor(40_000) })
    expect(await till.push([signedBy(first, asked)])).toBe('admitted')
    await market.rest([...phone.admitted, ...till.admitted])
    expectWithin('a stolen phone whose thief changed its key', (await market.missing([own])) - 1_000, 0)
  },
)
