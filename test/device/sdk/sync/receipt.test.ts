import { describe, expect, it } from 'vitest'
import { signAsEdge } from '../../../../src/crypto/sign1.ts'
import type { Signer } from '../../../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../../../src/crypto/webcrypto.ts'
import { deviceId } from '../../../../src/protocol/ids.ts'
import { encodePushResponse } from '../../../../src/protocol/notice.ts'
import { encodeReceipt, type Receipt } from '../../../../src/protocol/receipt.ts'
import { random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

type Forge = (answer: { receipt: Receipt; signer: Signer; kid: Uint8Array }) => Promise<Uint8Array>

const changed =
  (change: Partial<Receipt>): Forge =>
  ({ receipt, signer, kid }) =>
    signAsEdge(signer, kid, encodeReceipt({ ...receipt, ...change }), 'molam-receipt-v1')

const forgeries: Record<string, Forge> = {
  'signed by a key that is not the edge’s': async ({ receipt, kid }) =>
    signAsEdge(await webCryptoSuite.es256Signer(random(32)), kid, encodeReceipt(receipt), 'molam-receipt-v1'),
  'signed under an unknown key id': ({ receipt, signer }) =>
    signAsEdge(signer, random(8), encodeReceipt(receipt), 'molam-receipt-v1'),
  'signed as a notice': ({ receipt, signer, kid }) =>
    signAsEdge(signer, kid, encodeReceipt(receipt), 'molam-notice-v1'),
  'of another device': changed({ deviceId: deviceId('POS-002') }),
  'of another bundle': changed({ bundleId: random(16) }),
  'of other sealed bytes': changed({ digest: random(32) }),
  'of another place in the chain': changed({ seq: 2 }),
  'of fewer payments': changed({ lastCounter: 1 }),
  'of more payments': changed({ lastCounter: 3 }),
  'with a decision on a foreign payment': changed({ exceptions: [{ counter: 9, decision: 'refused' }] }),
  'that is no COSE_Sign1': async () => random(40),
}

describe.each(Object.entries(forgeries))('a receipt %s', (_, forge) => {
  it('is none: nothing is acknowledged, nothing is removed, and the bundle goes again', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started({ historyDays: 0 })
    await sdk.createOfflineTransaction(terms())
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = [
      {
        tamper: async (answer) =>
          encodePushResponse(await forge(answer), await rig.edge.signNotice({ 'Molam-Cursor': '0' })),
      },
      'offline',
    ]
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 2, bundles: 0 })
    expect(sdk.getTransactions().map(({ status, receipted }) => [status, receipted])).toEqual([
      ['pending_offline', false],
      ['pending_offline', false],
    ])
    expect(rig.storage.removed).toEqual([])
    const later = await rig.started()
    expect(await later.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 1 })
    expect(rig.edge.counters).toEqual([1, 2])
  })
})

it('a genuine receipt counts even when the notice beside it does not hold', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  const tamper: Forge = async (answer) => encodePushResponse(await changed({})(answer), random(50))
  rig.edge.faults = [{ tamper }]
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 1 })
})
