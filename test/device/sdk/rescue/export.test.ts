import { describe, expect, it } from 'vitest'
import { webCryptoSuite } from '../../../../src/crypto/webcrypto.ts'
import { openExport } from '../../../../src/device/sdk/index.ts'
import { nobleAtRest, nobleFileCrypto } from '../../../../src/device/sdk/noble.ts'
import { fromBase64url, utf8 } from '../../../../src/protocol/bytes.ts'
import { decodePayload } from '../../../../src/protocol/payload.ts'
import { OWNER, random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const PASSPHRASE = 'baobab à midi'

/** One payment with its receipt, one in a bundle in flight, one voided, one damaged, one that waits. */
async function inTrouble(over: Parameters<typeof Rig.create>[0] = {}) {
  const rig = await Rig.create(over)
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms({ amount: 1 }))
  await sdk.syncNow()
  await sdk.createOfflineTransaction(terms({ amount: 2, meta: { till: 7 } }))
  rig.edge.weather = 'offline'
  await sdk.syncNow()
  for (const amount of [3, 4, 5]) await sdk.createOfflineTransaction(terms({ amount }))
  await sdk.voidTransaction(3)
  rig.put('payment/4', rig.stored('payment/4')?.slice(0, 30) ?? '')
  return { rig, sdk: await rig.started() }
}

it('holds everything that no receipt covers: payments, voids, damaged records as they stand, the bundle in flight', async () => {
  const { rig, sdk } = await inTrouble({ atRest: nobleAtRest(random(32), random) })
  const rescued = await openExport(await sdk.exportUnsynced(PASSPHRASE), PASSPHRASE)
  if (rescued === undefined) throw new Error('does not open')
  expect(rescued).toMatchObject({ format: 'molam-unsynced-v1', deviceId: 'POS-001', chain: { seq: 1 }, nextCounter: 6 })
  expect(rescued.payments).toMatchObject([
    { localId: 'POS-001/2', voided: false, amount: 2, currency: 'XOF', receiver: OWNER },
    { localId: 'POS-001/3', voided: true, amount: 3 },
    { localId: 'POS-001/5', voided: false, amount: 5 },
  ])
  expect(decodePayload(fromBase64url(rescued.payments[0]?.payload ?? '')).entries).toMatchObject([
    { counter: 2, amount: 2, meta: { till: 7 } },
  ])
  const raw = rig.stored('payment/4')
  expect(rescued.damaged).toEqual([{ counter: 4, kind: 'unreadable', receipted: false, raw }])
  // The very bundle: what the edge admits later has its digest.
  const { outgoing } = rescued
  const digest = await webCryptoSuite.sha256(fromBase64url(outgoing?.sealed ?? ''))
  rig.edge.weather = undefined
  await sdk.syncNow()
  expect(rig.edge.bundles[1]?.digest).toEqual(digest)
})

describe('the file', () => {
  it('shows nothing without its secret, and opens with neither another one nor after any change', async () => {
    const { sdk } = await inTrouble()
    const key = random(32)
    const file = await sdk.exportUnsynced(key)
    const text = new TextDecoder().decode(file)
    for (const word of ['POS-001', OWNER, '221770000001', 'payload']) expect(text).not.toContain(word)
    expect(await openExport(file, key)).toMatchObject({ deviceId: 'POS-001' })
    expect(await openExport(file, random(32))).toBeUndefined()
    expect(await openExport(file, PASSPHRASE)).toBeUndefined()
    for (let at = 0; at < file.length; at += 11) {
      const changed = file.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(await openExport(changed, key), `byte ${at}`).toBeUndefined()
    }
    for (const other of ['', 'null', '[]', '{}', '"x"', text.slice(0, -9)]) {
      expect(await openExport(utf8(other), key)).toBeUndefined()
    }
  })

  it('made by noble opens with WebCrypto, and the other way round; with a key and with a passphrase', async () => {
    const { rig } = await inTrouble()
    const noble = await rig.started({ fileCrypto: nobleFileCrypto })
    const native = await rig.started()
    const key = random(32)
    expect(await openExport(await noble.exportUnsynced(key), key)).toMatchObject({ nextCounter: 6 })
    expect(await openExport(await native.exportUnsynced(key), key, nobleFileCrypto)).toMatchObject({ nextCounter: 6 })
    expect(await openExport(await noble.exportUnsynced(PASSPHRASE), PASSPHRASE)).toMatchObject({ nextCounter: 6 })
    // The same characters, composed otherwise.
    expect(await openExport(await native.exportUnsynced(PASSPHRASE), PASSPHRASE.normalize('NFD'))).toMatchObject({
      nextCounter: 6,
    })
  })

  it('a secret that is too short makes no file', async () => {
    const { sdk } = await inTrouble()
    await expect(sdk.exportUnsynced('1234567')).rejects.toThrow(RangeError)
    await expect(sdk.exportUnsynced(random(16))).rejects.toThrow(RangeError)
  })
})
