import { expect, it } from 'vitest'
import { cdp } from 'vitest/browser'
import type { BrowserDevice } from '../../../src/device/browser/index.ts'
import { openExport } from '../../../src/device/sdk/index.ts'
import { DEVICE } from '../sdk/edge.ts'
import { terms } from '../sdk/rig.ts'
import { type Till, till } from './till.ts'

/** The person clears the site's data while the till is open with payments that were never sent. */
async function cleared(open: readonly BrowserDevice[]) {
  const gone = open.map((sdk) => new Promise<void>((resolve) => sdk.onStorageGone(resolve)))
  const session = cdp() as unknown as { send(method: string, params: object): Promise<unknown> }
  await session.send('Storage.clearDataForOrigin', { origin: location.origin, storageTypes: 'indexeddb' })
  // Without anybody asking the storage for anything.
  await Promise.all(gone)
}

async function withPayments(shop: Till) {
  const sdk = await shop.start()
  for (const amount of [500, 700]) await sdk.createOfflineTransaction(terms({ amount }))
  return sdk
}

const KEPT = [
  { localId: `${DEVICE}/1`, amount: 500 },
  { localId: `${DEVICE}/2`, amount: 700 },
]

it('a device whose storage was deleted under it says so, takes nothing, and does not say that its payments are kept', async () => {
  const shop = await till()
  const sdk = await withPayments(shop)
  await cleared([sdk])
  const gone = { code: 'storage_gone', next: 'enrol' }
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ ...gone, money: 'not_taken' })
  await expect(sdk.syncNow()).rejects.toMatchObject({ ...gone, money: 'gone' })
  await sdk.destroy()
})

it('what was in memory is sent, under the same numbers and with the same key', async () => {
  const shop = await till()
  const sdk = await withPayments(shop)
  await cleared([sdk])
  const rescue = await sdk.rescue()
  expect(rescue.sends).toBe(true)
  expect(await rescue.sdk.initialize()).toMatchObject({ unsynced: 2 })
  expect(await rescue.sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(shop.edge.bundles.flatMap(({ entries }) => entries)).toMatchObject([{ amount: 500 }, { amount: 700 }])
  await rescue.sdk.destroy()
})

it('without a network it is saved as a file', async () => {
  const shop = await till()
  const sdk = await withPayments(shop)
  await cleared([sdk])
  shop.edge.weather = 'offline'
  const { sdk: rescued } = await sdk.rescue()
  await rescued.initialize()
  const file = await rescued.exportUnsynced('douze lettres au moins')
  expect((await openExport(file, 'douze lettres au moins'))?.payments).toMatchObject(KEPT)
  await rescued.destroy()
})

it('of two windows one sends: two that go on from one place in the chain would look like a clone', async () => {
  const shop = await till()
  const first = await withPayments(shop)
  const second = await shop.start()
  await cleared([first, second])
  const rescues = [await first.rescue(), await second.rescue()]
  // The page of the tests above holds the lock for as long as it lives, as one window of an app does.
  const sending = rescues.filter(({ sends }) => sends).length
  expect(sending).toBeLessThanOrEqual(1)
  for (const { sdk, sends } of rescues) {
    await sdk.initialize()
    if (sends) continue
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 2 })
    const file = await sdk.exportUnsynced('douze lettres au moins')
    expect((await openExport(file, 'douze lettres au moins'))?.payments).toMatchObject(KEPT)
  }
  for (const { sdk } of rescues) await sdk.destroy()
})
