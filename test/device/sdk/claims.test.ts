import { beforeEach, describe, expect, it } from 'vitest'
import type { OfflineSDK } from '../../../src/device/sdk/index.ts'
import type { Claim } from '../../../src/protocol/claims.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { unverified } from '../../kit/authorization.ts'
import { OWNER, random } from './edge.ts'
import { claimAt, Rig, terms } from './rig.ts'

/** What a device's owner has not signed: as the taker of it is shown, and as its payer is asked. */
let rig: Rig
let sdk: OfflineSDK
beforeEach(async () => {
  rig = await Rig.create()
  sdk = await rig.started()
})

const claim = (counter: number, over: Partial<Claim> = {}) => claimAt(rig.timeMs, counter, over)
const shown = () => sdk.claims().map(({ localId }) => localId)

/** What a payer's phone would have answered; nobody looks at the signatures here. */
function answered() {
  const { approval: _, authorization: __, ...offered } = terms()
  const asked = { ...offered, counter: 0, method: 'wallet', initiatedAtMs: rig.timeMs } as const
  const { pass, authorization } = unverified({ ...asked, amount: amountMinor(2500), currency: currency('XOF') })
  return { pass: pass as Uint8Array, authorization: authorization as Uint8Array }
}

describe('whoever takes a payment sees what stands behind it', () => {
  it('nobody’s word: a claim, before and after the edge has it', async () => {
    rig.edge.decide = () => ({ decision: 'claimed' })
    const payment = await sdk.createOfflineTransaction(terms())
    expect(payment).toMatchObject({
      guarantee: 'claimed',
      status: 'pending_offline',
      expected: { decision: 'claimed' },
    })
    await sdk.syncNow()
    expect(sdk.getTransaction(payment.localId)).toMatchObject({ guarantee: 'claimed', status: 'claimed' })
    expect(sdk.getPendingTransactions()).toHaveLength(1)
    rig.edge.settle(1, 'failed', 'payer_refused')
    await sdk.syncNow()
    expect(sdk.getTransaction(payment.localId)).toMatchObject({ status: 'failed', reason: 'payer_refused' })
  })

  it('the owner’s own device, or a signature of the payer’s', async () => {
    const own = await sdk.createOfflineTransaction(terms({ sender: OWNER, receiver: 'W-B' }))
    expect(own).toMatchObject({ guarantee: 'signed', expected: { decision: 'accepted' } })
    expect(await sdk.createOfflineTransaction(terms({ authorization: answered() }))).toMatchObject({
      guarantee: 'signed',
    })
  })

  it('something else than the payer’s word is not taken, however small', async () => {
    const taking = sdk.createOfflineTransaction(terms({ authorization: { ...answered(), authorization: random(100) } }))
    await expect(taking).rejects.toMatchObject({ code: 'refused', reason: 'payer_not_proven' })
  })
})

describe('whoever is asked', () => {
  it('sees what waits, also after a restart, and not what is over', async () => {
    rig.edge.claims = [claim(1), claim(2, { openUntilMs: rig.timeMs + 1_000 })]
    await sdk.syncNow()
    expect(shown()).toEqual(['POS-9/1', 'POS-9/2'])
    expect(sdk.claims()[0]).toEqual({
      ...{ localId: 'POS-9/1', type: 'merchant', amount: 2500, currency: 'XOF', receiver: 'shop-9' },
      ...{ initiatedAtMs: rig.timeMs, openUntilMs: rig.timeMs + 3_600_000 },
    })
    sdk = await rig.started()
    expect(shown()).toEqual(['POS-9/1', 'POS-9/2'])
    rig.timeMs += 2_000
    expect(shown()).toEqual(['POS-9/1'])
    rig.edge.claims = []
    await sdk.syncNow()
    expect(shown()).toEqual([])
  })

  it('signs the payment as it was shown, and the choice', async () => {
    const asked = claim(1)
    rig.edge.claims = [asked, claim(2)]
    await sdk.syncNow()
    await sdk.answerClaim('POS-9/1', 'confirm')
    await sdk.answerClaim('POS-9/2', 'refuse')
    const { takerId, counter, contentHash, amount } = asked
    expect(rig.edge.answers.map(({ answer }) => answer.choice)).toEqual(['confirm', 'refuse'])
    expect(rig.edge.answers[0]?.answer).toMatchObject({ takerId, counter, contentHash, amount })
    expect(shown()).toEqual([])
  })

  it('may answer again when the answer was lost on the way', async () => {
    rig.edge.claims = [claim(1)]
    await sdk.syncNow()
    rig.edge.faults = ['lost']
    await expect(sdk.answerClaim('POS-9/1', 'confirm')).rejects.toMatchObject({ code: 'network_failed' })
    expect(shown()).toEqual(['POS-9/1'])
    await sdk.answerClaim('POS-9/1', 'confirm')
    expect(rig.edge.answers).toHaveLength(1)
  })

  it('is told that the other answer was given before, and stands', async () => {
    const asked = claim(1)
    rig.edge.claims = [asked]
    await sdk.syncNow()
    const other = await rig.started()
    await other.answerClaim('POS-9/1', 'refuse')
    await expect(sdk.answerClaim('POS-9/1', 'confirm')).rejects.toMatchObject({ code: 'state_conflict' })
    expect(shown()).toEqual([])
  })

  it('cannot answer what nobody asked', async () => {
    await expect(sdk.answerClaim('POS-9/1', 'confirm')).rejects.toMatchObject({ code: 'no_such_claim' })
  })
})
