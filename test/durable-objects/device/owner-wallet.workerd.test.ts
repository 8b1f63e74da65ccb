import { beforeEach, expect, it } from 'vitest'
import type { WalletState } from '../../../src/protocol/owner-wallet.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { asPerson, bindings, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import {
  confirm,
  deliverIndex,
  describeDevice,
  dumpObject,
  lostQueues,
  type Queues,
  readNotice,
  select,
} from './kit.ts'

/** A device for a wallet that the ledger does not know, or that is another tenant's: people and the device are told first. */
let queues: Queues
let device: TestDevice

beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

const say = (wallet: WalletState, rev = 1) =>
  confirm(device, [{ kind: 'device_recorded', deviceId: device.id, rev, wallet }], 'r-1')
const listed = async () => {
  await deliverIndex(queues)
  const answer = (await (await asPerson('GET', `/offline/devices/${device.id}`)).json()) as Record<string, unknown>
  const row = await bindings.DB.prepare('SELECT owner_wallet_fault AS fault FROM offline_devices WHERE device_id = ?')
    .bind(device.id)
    .first('fault')
  return { answer: answer['owner_wallet_fault'], row }
}
const audit = () => select(device, "SELECT actor, action FROM audit WHERE action LIKE 'owner_wallet%' ORDER BY id")

it.each(['unknown', 'foreign'] as const)(
  'that it is %s is shown to operators, in the read model and in each notice, and written down',
  async (fault) => {
    expect(await listed()).toEqual({ answer: null, row: null })
    await say(fault)
    expect(await listed()).toEqual({ answer: fault, row: fault })
    expect((await readNotice(device)).ownerWalletFault).toBe(fault)
    expect((await readNotice(device, 0)).ownerWalletFault).toBe(fault)
    expect(await audit()).toEqual([{ actor: 'reconciler', action: `owner_wallet_${fault}` }])
  },
)

it('is over once the ledger knows it; then it may be another tenant’s', async () => {
  await say('unknown')
  await say('known')
  expect(await listed()).toEqual({ answer: null, row: null })
  expect((await readNotice(device, 0)).ownerWalletFault).toBeNull()
  await say('foreign')
  expect(await listed()).toEqual({ answer: 'foreign', row: 'foreign' })
  expect((await audit()).map(({ action }) => action)).toEqual(
    ['unknown', 'known', 'foreign'].map((one) => `owner_wallet_${one}`),
  )
})

it('said again it changes nothing, and a confirmation that does not say leaves it as it is', async () => {
  await say('unknown')
  await say('unknown', (await select<{ rev: number }>(device, 'SELECT rev FROM device'))[0]?.rev)
  const before = await dumpObject(device)
  await say('unknown')
  await confirm(device, [{ kind: 'device_recorded', deviceId: device.id, rev: 1 }])
  expect(await dumpObject(device)).toBe(before)
  expect((await describeDevice(device)).ownerWalletFault).toBe('unknown')
})

it('the device’s page and its audit say which wallet, masked, and by whose word it pays', async () => {
  const page = async () => {
    const answer = (await (await asPerson('GET', `/offline/devices/${device.id}`)).json()) as Record<string, unknown>
    return [answer['owner_wallet_masked'], answer['pays_by'], JSON.stringify(answer).includes(device.ownerWallet)]
  }
  const masked = `***${device.ownerWallet.slice(-3)}`
  const until = device.consentedAtMs + 300 * DAY_MS
  expect(await page()).toEqual([masked, { word: 'consent', until }, false])
  await say('foreign')
  expect(await page()).toEqual([masked, { word: 'payer', until }, false])
  const [first] = await select<{ detail: string }>(device, 'SELECT detail FROM audit ORDER BY id')
  expect(JSON.parse(first?.detail ?? '{}')).toMatchObject({ wallet: masked })
})
