import { describe, expect, it } from 'vitest'
import { browserKeyStore, currentDevice, forgetDevice } from '../../../src/device/browser/index.ts'
import { openExport } from '../../../src/device/sdk/index.ts'
import { DEVICE } from '../sdk/edge.ts'
import { terms } from '../sdk/rig.ts'
import { freshName, kidOf, replaceKeys, storedKeys } from './kit.ts'
import { till } from './till.ts'

const passphrase = 'un baobab sous la pluie'

/** A till with payments that were never sent, closed. */
async function unsynced(...amounts: number[]) {
  const shop = await till()
  const sdk = await shop.start()
  for (const amount of amounts) await sdk.createOfflineTransaction(terms({ amount }))
  await sdk.destroy()
  return shop
}

describe('forgetting the device', () => {
  it('with everything acknowledged: the browser is nobody, and enrols with another key', async () => {
    const shop = await unsynced(500)
    const sdk = await shop.start()
    await sdk.syncNow()
    const kid = await kidOf(shop.name)
    expect(await forgetDevice({ name: shop.name })).toEqual({ forgotten: true })
    expect(await currentDevice(shop.name)).toBeUndefined()
    await browserKeyStore(shop.name).create()
    expect(await kidOf(shop.name)).not.toBe(kid)
    // The page that still has it open takes nothing into the new database.
    await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ money: 'not_taken' })
  })

  it('is refused while payments were never sent; they are sent afterwards', async () => {
    const shop = await unsynced(500, 1000)
    expect(await forgetDevice({ name: shop.name })).toEqual({ forgotten: false, unsynced: 2 })
    expect(shop.edge.requests.filter(({ path }) => path === '/offline/push')).toEqual([])
    const sdk = await shop.start()
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(shop.edge.counters).toEqual([1, 2])
    await sdk.destroy()
  })

  it('although payments were never sent hands them over first, in a file that opens with the passphrase', async () => {
    const shop = await unsynced(500, 1000)
    const files: Uint8Array[] = []
    const keep = async (file: Uint8Array) => void files.push(file)
    expect(await forgetDevice({ name: shop.name, unsynced: { passphrase, keep } })).toEqual({ forgotten: true })
    expect(await currentDevice(shop.name)).toBeUndefined()
    const rescued = await openExport(files[0] ?? new Uint8Array(), passphrase)
    expect(rescued).toMatchObject({
      deviceId: DEVICE,
      payments: [
        { localId: `${DEVICE}/1`, amount: 500 },
        { localId: `${DEVICE}/2`, amount: 1000 },
      ],
    })
  })

  it('does not happen when the file could not be kept', async () => {
    const shop = await unsynced(500)
    const keep = () => Promise.reject(new Error('no room for the download'))
    await expect(forgetDevice({ name: shop.name, unsynced: { passphrase, keep } })).rejects.toThrow('no room')
    const sdk = await shop.start()
    expect(sdk.state).toMatchObject({ unsynced: 1 })
    await sdk.destroy()
  })

  it('with its keys lost is refused too, and hands over the records as they stand, in the same kind of file', async () => {
    const shop = await unsynced(500)
    const { signing } = await storedKeys(shop.name)
    await replaceKeys(shop.name, undefined)
    expect(signing.privateKey.extractable).toBe(false)
    expect(await forgetDevice({ name: shop.name })).toEqual({ forgotten: false, unsynced: 'unknown' })
    const files: Uint8Array[] = []
    const keep = async (file: Uint8Array) => void files.push(file)
    expect(await forgetDevice({ name: shop.name, unsynced: { passphrase, keep } })).toEqual({ forgotten: true })
    expect(new TextDecoder().decode(files[0])).not.toContain('payment/1')
    const { deviceId, payments, records = {} } = (await openExport(files[0] ?? new Uint8Array(), passphrase)) ?? {}
    expect({ deviceId, payments }).toEqual({ deviceId: DEVICE, payments: [] })
    expect(Object.keys(records)).toContain('payment/1')
  })

  it('lets no other tab take a payment between the count and the deletion', async () => {
    const shop = await unsynced(500)
    const page = await shop.start()
    const [asked, kept] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const keep = () => {
      asked.resolve()
      return kept.promise
    }
    const forgetting = forgetDevice({ name: shop.name, unsynced: { passphrase, keep } })
    await asked.promise
    const payment = page.createOfflineTransaction(terms())
    let settled = false
    payment.then(
      () => (settled = true),
      () => (settled = true),
    )
    const isWaiting = async () => {
      const { pending = [] } = await navigator.locks.query()
      return pending.some(({ name }) => name === `molam/${DEVICE}/journal`)
    }
    while (!settled && !(await isWaiting()));
    kept.resolve()
    await expect(payment).rejects.toMatchObject({ money: 'not_taken' })
    expect(await forgetting).toEqual({ forgotten: true })
  })

  it('of a browser that was never a device is no error', async () => {
    expect(await forgetDevice({ name: freshName() })).toEqual({ forgotten: true })
  })
})
