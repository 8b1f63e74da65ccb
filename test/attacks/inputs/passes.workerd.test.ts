import { beforeAll, expect, it } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { recordQueues } from '../../durable-objects/device/kit.ts'
import { keySet, pushed, registered } from '../../edge/kit.ts'
import { passFor } from '../../kit/authorization.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'

/** A bundle full of passes that the edge has not signed is answered, each payment with its refusal. */
const PASSES = 40
let payers: TestDevice[]
beforeAll(async () => {
  await recordQueues()
  payers = await Promise.all(Array.from({ length: PASSES }, () => TestDevice.create()))
})

/** @returns how long the edge took, and what of the bundle it refused */
async function bring(bend: (pass: Uint8Array) => Uint8Array) {
  const [till, keys] = [await registered(), await keySet()]
  const payments: Payment[] = await Promise.all(
    payers.map(async (payer) => {
      const asked = till.payment({ sender: payer.ownerWallet, amount: amountMinor(10_001) })
      return signedBy(payer, asked, { shown: bend(await passFor(payer)) })
    }),
  )
  const { bundle } = await till.bundle(payments, keys)
  const from = performance.now()
  const { receipt } = await pushed(bundle)
  return {
    ms: Math.round(performance.now() - from),
    refused: receipt.exceptions.filter(({ decision }) => decision === 'refused'),
  }
}

it('each is refused in the receipt, beside a bundle of good ones', async () => {
  const good = await bring((pass) => pass)
  expect(good.refused).toEqual([])
  const bad = await bring((pass) => {
    const forged = pass.slice()
    forged.set(randomBytes(63), forged.length - 63)
    return forged
  })
  console.info(`${PASSES} passes: ${good.ms} ms good, ${bad.ms} ms bad`)
  expect(bad.refused).toHaveLength(PASSES)
  expect(new Set(bad.refused.map(({ reason }) => reason))).toEqual(new Set(['payer_not_proven']))
})
