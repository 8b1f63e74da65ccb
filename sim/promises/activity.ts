import { deviceStub } from '../../src/edge/env.ts'
import { isPayment } from '../../src/protocol/payment.ts'
import type { World } from '../world.ts'
import { type AdmittedDevice, saidOf } from './admitted.ts'
import type { PolicyRow } from './policies.ts'
import { Tally, tallyLine } from './tally.ts'

/** What an object counts of each day is what its receipts did not refuse, by the day on which it was taken, or arrived if that is earlier. */
export async function daysAreCounted(
  { edge }: World,
  devices: readonly AdmittedDevice[],
  policies: ReadonlyMap<string, PolicyRow>,
): Promise<string[]> {
  const wrong: string[] = []
  for (const { id, bundles, isOrderUnknown } of devices) {
    if (isOrderUnknown) continue
    const tally = new Tally()
    for (const { receipt, entries } of bundles) {
      const policy = policies.get(`${receipt.country}/${receipt.policyVersion}`)
      if (policy === undefined) continue
      for (const entry of entries.filter(isPayment)) {
        if (saidOf(receipt, entry.counter).decision !== 'refused') tally.add(policy, entry, receipt.receivedAtMs)
      }
      tally.forget(policy, receipt.receivedAtMs)
    }
    const described = await deviceStub(edge.env, id).describe()
    if (!described.ok) continue
    const counted = described.value.activity.map(({ date, count, value }) => tallyLine(date, count, value)).sort()
    const [said, right] = [counted.join('; '), tally.lines.join('; ')]
    if (said !== right) wrong.push(`${id} has counted ${said || 'nothing'}, and took ${right || 'nothing'}`)
  }
  return wrong
}
