import type { PayerPhone } from '../../dev/fleet/payer.ts'
import { OfflineError, type PaymentTerms } from '../../src/device/sdk/index.ts'
import { encodePaymentAnswer, type PaymentAnswer } from '../../src/protocol/payment-request.ts'
import { approvedTerms } from '../people/agents.ts'
import type { SimDevice } from '../people/device.ts'
import { hearAllowance } from '../people/passes.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { take } from './take.ts'

type Offered = Pick<PaymentTerms, 'type' | 'amount' | 'currency' | 'receiver'>
/** What a phone says to what a till shows. */
type Answering = (request: Uint8Array) => Promise<PaymentAnswer>

/** Chance that a phone hears of its allowance before it is asked. */
const HEARS = 0.8
/** An honest phone gives no till a reason for these. */
const NEVER = new Set(['spent_before', 'answered', 'false_signature', 'unreadable'])

/** The exchange at the counter: the till shows what it asks, the phone signs that, and the till takes it, or says why not. */
export async function takeSigned(
  world: World,
  device: SimDevice,
  offered: Offered,
  phone: PayerPhone,
  random: Random,
  answering: Answering = (request) => phone.answer(request, device.sdk.nowMs),
): Promise<string> {
  if (random.chance(HEARS)) hearAllowance(world.edge, phone)
  const { sdk } = device
  const { type, amount, currency, receiver } = offered
  try {
    const { request } = await sdk.createRequest({ type, amount, currency, receiver })
    const answer = await answering(request)
    const encoded = encodePaymentAnswer(answer)
    const { terms: agreed } = await sdk.checkAuthorization(encoded)
    if (agreed === undefined) return `has taken the answer of ${phone.deviceId} before`
    const asked = { ...agreed, authorization: answer }
    const { terms, ageMin } = await approvedTerms(world.agents, device, random, asked)
    const approved = terms.approval && { approval: terms.approval }
    return await take(world, device, terms, ageMin, async () => {
      const taken = await sdk.acceptAuthorization(encoded, approved)
      const no = phone.held?.no
      if (taken.guarantee === 'covered' && no !== undefined) world.covered.set(taken.localId, { phone, no })
      return taken
    })
  } catch (error) {
    if (!(error instanceof OfflineError) || error.money !== 'not_taken') throw error
    const why = error.fault ?? error.reason ?? error.code
    device.decline(why)
    const isHonest = phone.held?.isFalse !== true
    if (isHonest && error.fault !== undefined && NEVER.has(error.fault)) {
      world.wrong.push(`${device.id} refused an answer of ${phone.deviceId} as ${why}`)
    }
    return `does not take ${amount} F: ${why}`
  }
}
