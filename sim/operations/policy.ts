import { signAsEdge } from '../../src/crypto/sign1.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { firstVersion } from '../../src/protocol/first-policies.ts'
import { newUlid, ulidText } from '../../src/protocol/ids.ts'
import type { Country } from '../../src/protocol/policy.ts'
import { encodePolicyVersion } from '../../src/protocol/policy-version.ts'
import { newScalar } from '../people/keys.ts'
import { confirm, drawChanges, PROPOSALS, publish, switchOff } from '../people/new-policy.ts'
import { FORGED_FROM, newestPolicy, type PolicyRow } from '../promises/policies.ts'
import type { World } from '../world.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'

/** The limits of a device's country change, at once: one person proposes it, another one agrees. */
export const changePolicy: Operation = {
  weight: 1.2,
  async run(world: World, device, random) {
    const now = newestPolicy(world.edge, device.facts.country)
    const changes = drawChanges(random, now)
    const came = await insistently(world, random, (key) => publish(world.office, now, changes, key))
    return `(ops) changes the policy of ${now.country}, ${JSON.stringify(changes)}: ${came}`
  },
}

/** A country is switched off by one person, in a hurry. */
export const switchCountryOff: Operation = {
  weight: 0.15,
  async run(world, device, random) {
    const { country } = device.facts
    const came = await insistently(world, random, (key) => switchOff(world.office, country, key))
    return `(ops) switches ${country} off: ${came}`
  },
}

/** A person alone would have other limits, and asks under his own name twice. */
export const changeAlone: Operation = {
  weight: 0.3,
  async run(world, device, random) {
    const now = newestPolicy(world.edge, device.facts.country)
    const proposal = { country: now.country, after_version: now.version, reason: 'by the simulator', changes: HUGE }
    const asked = ['ops', 'pay_admin', 'POST', PROPOSALS, proposal] as const
    const answer = await world.office.ask(...asked).catch(() => undefined)
    if (answer?.status !== 201) return `(ops) would change the policy of ${now.country} alone: ${answer?.status}`
    const came = await insistently(world, random, (key) => confirm(world.office, 'ops', String(answer.body['id']), key))
    if (came === 'done') world.wrong.push(`one person alone put a policy of ${now.country} in force`)
    return `(ops) would change the policy of ${now.country} alone: ${came}`
  },
}

const HUGE = {
  max_offline_amount: 900_000_000,
  ...{ max_offline_value_per_device_per_day: 900_000_000, max_offline_value_between_syncs: 900_000_000 },
}

const VERSION = 'INSERT INTO offline_policies (country, version, signed) VALUES (?, ?, ?)'
const PROPOSAL = `INSERT INTO offline_policy_proposals (id, country, after_version, based_on, changes, reason, proposed_by,
    proposed_at, mac, state) VALUES (?, ?, ?, ?, ?, 'as agreed', 'user:ops', 0, '${'A'.repeat(43)}', 'open')`

/** Whoever can write to D1 sets limits of his own, as a version and as a proposal that an honest person may agree to. */
export const forgePolicy: Operation = {
  weight: 0.4,
  async run(world, device, random) {
    const now = newestPolicy(world.edge, device.facts.country)
    const { country, version } = now
    const theirs = firstVersion(country as Country)
    const policy = {
      ...theirs.policy,
      version: FORGED_FROM + random.between(0, 1_000_000),
      maxOfflineAmount: HUGE.max_offline_amount,
    }
    const signer = await webCryptoSuite.es256Signer(newScalar(random))
    const content = encodePolicyVersion({ ...theirs, policy, proposedBy: 'user:ops', confirmedBy: 'user:chief' })
    const signed = await signAsEdge(signer, await keyId(webCryptoSuite, signer.key), content, 'molam-policy-v1')
    const id = ulidText(newUlid(world.scheduler.nowMs, (length) => random.bytes(length)))
    try {
      const { db } = world.edge
      await db.prepare(VERSION).bind(country, policy.version, signed).run()
      await db.prepare(PROPOSAL).bind(id, country, version, version, JSON.stringify(HUGE)).run()
    } catch {
      return '(thief) does not reach D1'
    }
    const came = await insistently(world, random, (key) => confirm(world.office, 'chief', id, key))
    if (came === 'done') world.wrong.push(`a forged proposal for ${country} was put in force`)
    return `(thief) writes a policy of ${country} into D1, and a proposal: ${came}`
  },
}

/** Amounts at which another rule begins to speak. */
export const limitsOf = (now: PolicyRow): readonly number[] => [
  now.require_payer_proof_above,
  now.require_agent_approval_above,
  now.require_manual_review_above,
  now.max_offline_amount,
]
