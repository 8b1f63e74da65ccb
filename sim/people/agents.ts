import { AgentPhone } from '../../dev/fleet/agent.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import type { PaymentTerms } from '../../src/device/sdk/index.ts'
import type { Random } from '../time/random.ts'
import type { SimDevice } from './device.ts'
import { newScalar } from './keys.ts'
import { AGENT, customerOf } from './market.ts'
import type { Office } from './office.ts'

/** Who approves large payments, and who only looks as if. */
export interface Agents {
  readonly honest: AgentPhone
  /** One that two people let sign for a customer's wallet, and one for the agent's wallet that nobody has let sign. */
  readonly farmed: readonly AgentPhone[]
}

export async function enrolAgents(office: Office, random: Random): Promise<Agents> {
  const enrol = async (id: string, wallet: string, hasConsent: boolean) => {
    const key = newScalar(random.stream(id))
    await office.register(id, 'SN', wallet, key)
    if (hasConsent) await office.consent(id)
    return new AgentPhone(id, await webCryptoSuite.es256Signer(key), webCryptoSuite)
  }
  const honest = await enrol('AGENT-1', AGENT.wallet, true)
  return { honest, farmed: [await enrol('FARM-1', customerOf(3), true), await enrol('AGENT-2', AGENT.wallet, false)] }
}

/** What an agent is asked about, as a habit. */
const APPROVED_ABOVE = 50_000
const MINUTE_MS = 60_000
/** How long before the payment an agent has signed: usually just now, sometimes so long ago or so far ahead that it counts no more. */
const AGES_MIN = [0, 0, 0, 0, 0, 5, 180, -180]

/** The terms with an agent's approval, where people ask for one, and how long before that was signed. */
export async function approvedTerms(
  agents: Agents,
  { sdk }: SimDevice,
  random: Random,
  terms: PaymentTerms,
): Promise<{ readonly terms: PaymentTerms; readonly ageMin: number }> {
  const isAsked = (terms.amount > APPROVED_ABOVE || random.chance(0.1)) && random.chance(0.85)
  const agent = random.chance(0.8) ? agents.honest : random.pick(agents.farmed)
  const ageMin = random.pick(AGES_MIN)
  // Before its first contact a till takes nothing.
  if (!isAsked || sdk.profile === undefined) return { terms, ageMin: 0 }
  const request = sdk.approvalRequest(terms)
  const approval = await agent.approve(request, sdk.nowMs - ageMin * MINUTE_MS)
  return { terms: { ...terms, approval: { request, approval } }, ageMin }
}
