import { expect, it } from 'vitest'
import { type ExportedPayment, openExport, type UnsyncedExport } from '../../../../src/device/sdk/index.ts'
import { returningOf } from '../../../../src/device/sdk/rescue/restorable.ts'
import { toBase64url } from '../../../../src/protocol/bytes.ts'
import { random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const KEY = random(32)

/** An export with a payment and a void, as its file has them. */
async function exported(): Promise<UnsyncedExport> {
  const rig = await Rig.create()
  const sdk = await rig.started()
  rig.edge.weather = 'offline'
  for (const amount of [1, 2]) await sdk.createOfflineTransaction(terms({ amount }))
  await sdk.voidTransaction(2)
  const content = await openExport(await sdk.exportUnsynced(KEY), KEY)
  if (content === undefined) throw new Error('the export cannot be read')
  return content
}

const withFirst = (content: UnsyncedExport, change: Partial<ExportedPayment>): UnsyncedExport => ({
  ...content,
  payments: content.payments.map((payment, n) => (n === 0 ? { ...payment, ...change } : payment)),
})

it('an export is read whole', async () => {
  const content = await exported()
  expect(returningOf(content)).toMatchObject([
    { counter: 1, voided: false, payment: { amount: 1 } },
    { counter: 2, voided: true, payment: { amount: 2 } },
  ])
})

it('a void whose payment could not be read returns without its terms', async () => {
  const { payload: _, expected: __, ...bare } = (await exported()).payments[1] as ExportedPayment
  const read = returningOf({ ...(await exported()), payments: [bare] })
  expect(read).toMatchObject([{ counter: 2, voided: true, payment: undefined, expected: { decision: 'accepted' } }])
})

it('nothing of an export is taken over when any of it is not what a device writes', async () => {
  const content = await exported()
  const [, second] = content.payments
  const wrong: Readonly<Record<string, UnsyncedExport>> = {
    'another format': { ...content, format: 'molam-unsynced-v2' as 'molam-unsynced-v1' },
    'a payment of another device': withFirst(content, { localId: 'POS-002/1' }),
    'no local id': withFirst(content, { localId: 'first' }),
    'the terms of another number': withFirst(content, { payload: second?.payload ?? '' }),
    'bytes that are no payload': withFirst(content, { payload: toBase64url(random(40)) }),
    'text that is no base64url': withFirst(content, { payload: '*' }),
    'a void with bytes that are no payload': withFirst(content, { payload: '*', voided: true }),
  }
  for (const [what, one] of Object.entries(wrong)) expect(returningOf(one), what).toBeUndefined()
  const { payload: _, ...bare } = content.payments[0] as ExportedPayment
  expect(returningOf({ ...content, payments: [bare] }), 'a payment without its terms').toBeUndefined()
})
