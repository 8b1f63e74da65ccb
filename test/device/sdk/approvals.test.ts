import { beforeEach, describe, expect, it } from 'vitest'
import { verifySign1 } from '../../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { type OfflineSDK, readApprovalRequest } from '../../../src/device/sdk/index.ts'
import {
  approvalOf,
  decodeApprovalRequest,
  encodeApprovalRequest,
  parseApproval,
} from '../../../src/protocol/approval.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { DEVICE, OWNER, POLICY, random } from './edge.ts'
import { approvedAt, Rig, terms } from './rig.ts'

const [CUSTOMER, MINUTE] = ['+221770000001', 60_000]
/** Out of the shop's own wallet, so that only the agent's word is missing. */
const large = terms({ amount: POLICY.requireAgentApprovalAbove + 1, sender: OWNER, receiver: CUSTOMER })
const invalid = { code: 'refused', reason: 'approval_invalid', money: 'not_taken' }

let rig: Rig
let sdk: OfflineSDK
beforeEach(async () => {
  rig = await Rig.create()
  sdk = await rig.started()
})

describe('a till', () => {
  it('shows what an agent is asked to approve, and another request each time', () => {
    const [request, other] = [sdk.approvalRequest(large), sdk.approvalRequest(large)]
    const { type, amount, currency } = large
    const shown = { type, amount, currency, sender: OWNER, receiver: CUSTOMER, takerId: 'POS-001' }
    expect(readApprovalRequest(request)).toEqual(shown)
    expect(readApprovalRequest(random(100))).toBeUndefined()
    expect(other).not.toEqual(request)
    // One QR code that any phone reads.
    expect(request.length).toBeLessThan(100)
  })

  it('takes the payment with the agent’s answer, and sends it as it is', async () => {
    const approval = approvedAt(sdk, large, rig.timeMs)
    const taken = await sdk.createOfflineTransaction({ ...large, approval })
    expect(taken).toMatchObject({ expected: { decision: 'accepted' }, approval: approval.approval })
    await sdk.syncNow()
    expect(rig.edge.entriesOf(1)).toMatchObject([{ approval: approval.approval }])
  })

  it('takes no answer to another request, or for other terms', async () => {
    const [one, other] = [approvedAt(sdk, large, rig.timeMs), approvedAt(sdk, large, rig.timeMs)]
    const crossed = { request: one.request, approval: other.approval }
    await expect(sdk.createOfflineTransaction({ ...large, approval: crossed })).rejects.toMatchObject(invalid)
    for (const over of [{ amount: large.amount + 1 }, { receiver: '+221770000002' }, { type: 'p2p' as const }]) {
      const taking = sdk.createOfflineTransaction({ ...large, ...over, approval: one })
      await expect(taking, JSON.stringify(over)).rejects.toMatchObject(invalid)
    }
    const elsewhere = encodeApprovalRequest({ ...decodeApprovalRequest(one.request), takerId: deviceId('POS-002') })
    const approval = { request: elsewhere, approval: one.approval }
    await expect(sdk.createOfflineTransaction({ ...large, approval })).rejects.toMatchObject(invalid)
    expect(sdk.getTransactions()).toEqual([])
  })

  it('takes one payment with it, also after a restart, and another one once the first is voided', async () => {
    const approval = approvedAt(sdk, large, rig.timeMs)
    const { counter } = await sdk.createOfflineTransaction({ ...large, approval })
    for (const one of [sdk, await rig.started()]) {
      await expect(one.createOfflineTransaction({ ...large, approval })).rejects.toMatchObject(invalid)
    }
    await sdk.voidTransaction(counter)
    expect(await sdk.createOfflineTransaction({ ...large, approval })).toMatchObject({ counter: counter + 1 })
  })

  it('takes none that is older than a quarter of an hour and the skew', async () => {
    const [kept, late] = [approvedAt(sdk, large, rig.timeMs), approvedAt(sdk, large, rig.timeMs)]
    rig.timeMs += (15 + POLICY.maxClockSkewMinutes) * MINUTE
    expect(await sdk.createOfflineTransaction({ ...large, approval: kept })).toMatchObject({ counter: 1 })
    rig.timeMs += 1000
    await expect(sdk.createOfflineTransaction({ ...large, approval: late })).rejects.toMatchObject(invalid)
  })

  it('needs it above the limit of its policy and not at it', async () => {
    await expect(sdk.createOfflineTransaction(large)).rejects.toMatchObject({ reason: 'approval_required' })
    const at = { ...large, amount: POLICY.requireAgentApprovalAbove }
    expect(await sdk.createOfflineTransaction(at)).toMatchObject({ counter: 1 })
  })
})

describe('an agent’s device', () => {
  const payment = {
    ...({ type: 'merchant', amount: amountMinor(60_000), currency: currency('XOF') } as const),
    ...{ sender: CUSTOMER, receiver: 'W-SHOP-2' },
  }
  const [takerId, requestId] = [deviceId('POS-TILL'), random(16)]
  const asked = (over: object = {}) => encodeApprovalRequest({ ...payment, takerId, requestId, ...over })

  it('signs the payment, the till and the time, in few bytes and without a network', async () => {
    rig.edge.weather = 'offline'
    const approval = await sdk.approve(asked())
    expect(approval.length).toBeLessThanOrEqual(120)
    expect(parseApproval(approval).claims).toMatchObject({ deviceId: DEVICE, signedAtMs: rig.timeMs, requestId })
    const taken: Payment = { ...payment, counter: 1, method: 'wallet', initiatedAtMs: rig.timeMs, approval }
    const verifier = await webCryptoSuite.verifier(rig.key)
    const holds = async (over: Partial<Payment>, taker = takerId) => {
      const read = approvalOf({ ...taken, ...over }, taker)
      return read && verifySign1(verifier, read, 'molam-agent-approval-v1')
    }
    expect(await holds({})).toBe(true)
    // The time, the counter and the method are the till's own.
    expect(await holds({ initiatedAtMs: 0, counter: 9, method: 'qr' })).toBe(true)
    const bends = [{ amount: amountMinor(60_001) }, { sender: 'W-1' }, { receiver: 'W-1' }, { type: 'p2p' as const }]
    for (const over of bends) expect(await holds(over), JSON.stringify(over)).toBe(false)
    expect(await holds({}, deviceId('POS-OTHER'))).toBe(false)
    // Nobody approves what he takes himself.
    expect(await holds({}, DEVICE)).toBeUndefined()
  })

  it('approves nothing of its own: by its till, from its wallet, or to it', async () => {
    const own = [{ takerId: DEVICE }, { sender: OWNER }, { receiver: OWNER }].map(asked)
    for (const request of [...own, random(80), new Uint8Array()]) {
      await expect(sdk.approve(request)).rejects.toMatchObject({ code: 'approval_invalid' })
    }
  })

  it('approves nothing without its holder’s consent', async () => {
    rig.edge.paysUntilMs = undefined
    await sdk.syncNow()
    await expect(sdk.approve(asked())).rejects.toMatchObject({ code: 'consent_required' })
  })
})
