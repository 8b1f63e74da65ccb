import { expect, it } from 'vitest'
import { toHex } from '../../../src/protocol/bytes.ts'
import { keySet, pushed, registered } from '../kit.ts'

it('a valid bundle gets a receipt that names it, and every payment is accepted', async () => {
  const device = await registered()
  const made = await device.bundle([device.payment(), device.payment()], await keySet())
  const { receipt, notice } = await pushed(made.bundle)
  expect(receipt).toMatchObject({
    deviceId: device.id,
    seq: 1,
    status: 'pushed',
    firstCounter: 1,
    lastCounter: 2,
    exceptions: [],
  })
  expect(toHex(receipt.digest)).toBe(toHex(made.digest))
  expect(toHex(receipt.bundleId)).toBe(toHex(made.header.bundleId))
  expect(notice).toMatchObject({ deviceId: device.id, outcomes: [], cursor: 0 })
})
