import { AgentPhone } from '../../dev/fleet/agent.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { decodeApprovalRequest, encodeApprovalHeader, encodeApprovalRequest } from '../../src/protocol/approval.ts'
import { encodeDetached } from '../../src/protocol/cose.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { customerOf } from '../people/market.ts'
import { newestPolicy } from '../promises/policies.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { registered } from './hostile.ts'
import type { Operation } from './operation.ts'

const HOUR_MS = 3_600_000

interface Asked {
  /** What an honest till would show. */
  readonly request: Uint8Array
  readonly nowMs: number
}

/** What he gives out as an agent's approval of a large payment. */
type Story = (world: World, asked: Asked, random: Random) => Promise<Uint8Array | undefined>

const STORIES: Readonly<Record<string, Story>> = {
  'no approval': async () => undefined,
  'an agent’s approval': async ({ agents }, { request, nowMs }) => agents.honest.approve(request, nowMs),
  'an approval by no agent': async ({ agents }, { request, nowMs }, random) =>
    random.pick(agents.farmed).approve(request, nowMs),
  'an approval of other terms': async ({ agents }, { request, nowMs }) =>
    agents.honest.approve(changed(request, { amount: amountMinor(100) }), nowMs),
  'an approval for another till': async ({ agents }, { request, nowMs }) =>
    agents.honest.approve(changed(request, { takerId: deviceId('POS-1') as DeviceId }), nowMs),
  'an approval of yesterday': async ({ agents }, { request, nowMs }) =>
    agents.honest.approve(request, nowMs - 24 * HOUR_MS),
  'an approval of his own': async ({ rogue }, { request, nowMs }) =>
    new AgentPhone(rogue.id, await rogue.signer(), webCryptoSuite).approve(request, nowMs),
  'an approval in the agent’s name': async ({ rogue, agents }, { request, nowMs }) =>
    new AgentPhone(agents.honest.deviceId, await rogue.signer(), webCryptoSuite).approve(request, nowMs),
  'an approval without a signature': async ({ agents }, { request, nowMs }) => {
    const { requestId } = decodeApprovalRequest(request)
    const agent = deviceId(agents.honest.deviceId) as DeviceId
    const header = { alg: -7, kid: new Uint8Array(8), deviceId: agent, signedAtMs: nowMs, requestId }
    return encodeDetached({ protectedBytes: encodeApprovalHeader(header), signature: new Uint8Array(64) })
  },
  'a reference for an approval': async (_world, _asked, random) => random.bytes(20),
}

const changed = (request: Uint8Array, over: object) =>
  encodeApprovalRequest({ ...decodeApprovalRequest(request), ...over })

/** A crooked till takes a large payment that its payer has signed, and makes the agent up; or uses one agent's word twice. */
export const makeUpApproval: Operation = {
  weight: 2,
  async run(world, _device, random) {
    const { rogue, scheduler, phones, edge } = world
    if (!(await registered(world))) return '(ROGUE-1) cannot be registered'
    const payer = customerOf(random.between(0, 2))
    const above = newestPolicy(edge, 'SN').require_agent_approval_above
    const terms = {
      ...({ type: 'merchant', amount: amountMinor(above + random.between(1, 200)), currency: 'XOF' } as const),
      ...{ sender: payer, receiver: rogue.wallet },
    }
    const { currency: _, ...own } = terms
    const what = random.pick(Object.keys(STORIES))
    const takerId = deviceId(rogue.id) as DeviceId
    const payment = () => rogue.payment(rogue.nextCounter++, own)
    const asked = { ...terms, currency: currency('XOF'), takerId, requestId: random.bytes(16) }
    const request = encodeApprovalRequest(asked)
    const approval = await STORIES[what]?.(world, { request, nowMs: scheduler.nowMs }, random)
    const times = random.chance(0.4) ? 2 : 1
    const entries = await Promise.all(
      Array.from({ length: times }, async () => ({
        ...payment(),
        ...(await phones.get(payer)?.authorize(terms, { takerId, atMs: scheduler.nowMs })),
        ...(approval && { approval }),
      })),
    )
    // In one bundle, or one after the other.
    const bundles = random.chance(0.5) ? [entries] : entries.map((entry) => [entry])
    const came: string[] = []
    for (const bundle of bundles) came.push(await rogue.push(await rogue.sign(bundle)))
    return `(ROGUE-1) takes ${times} × ${terms.amount} F from ${payer} with ${what}: ${came.join(', ')}`
  },
}
