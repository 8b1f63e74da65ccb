import { expect, it } from 'vitest'
import { nobleSuite } from '../../src/crypto/noble.ts'
import { random } from './edge.ts'
import { Rig, terms } from './rig.ts'

it('a payment taken offline is acknowledged by the next sync and gets its outcome by a later one', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started({ suite: nobleSuite(random) })
  rig.edge.weather = 'offline'
  const payment = await sdk.createOfflineTransaction(terms())
  expect(payment).toMatchObject({ localId: 'POS-001/1', status: 'pending_offline', receipted: false })
  expect(payment.expected).toEqual({ decision: 'accepted' })
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1, error: { code: 'network_failed' } })
  expect(sdk.state).toMatchObject({ status: 'offline_ready', unsynced: 1 })

  rig.edge.weather = undefined
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
  expect(sdk.getTransaction('POS-001/1')).toMatchObject({ status: 'pending', receipted: true })
  expect(rig.edge.entriesOf(1)).toMatchObject([
    { amount: 2500, sender: '+221770000001', initiatedAtMs: payment.initiatedAtMs },
  ])

  rig.edge.settleAll()
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 0, outcomes: 1 })
  expect(sdk.getTransaction('POS-001/1')).toMatchObject({ status: 'succeeded', transferId: 'transfer-1' })
  expect(sdk.getPendingTransactions()).toEqual([])
})
