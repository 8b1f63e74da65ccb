import { deviceStub } from '../../src/edge/env.ts'
import type { World } from '../world.ts'

/** Nothing is owed for ever: at quiet no object owes anything to anybody. */
export async function nothingIsOwed(world: World): Promise<string[]> {
  const { edge, devices, phones, rogue, outsider, loner, household, newcomer, thief } = world
  const { first, second, third } = household
  const ids = [...devices.map(({ id }) => id), ...[...phones.values()].map(({ deviceId }) => deviceId)]
  const others = [rogue, outsider, loner, first, second, third, newcomer, thief]
  for (const one of others) if (one.isRegistered) ids.push(one.id)
  const wrong: string[] = []
  for (const id of ids) {
    const described = await deviceStub(edge.env, id).describe()
    if (!described.ok) {
      wrong.push(`${id} is not known to its object`)
      continue
    }
    const { settle, index } = described.value.owed
    if (settle > 0) wrong.push(`${id} owes ${settle} to the reconciler`)
    if (index > 0) wrong.push(`${id} owes ${index} to the read model`)
    const [listing] = edge.objects.read(id, 'SELECT listing_rev > listed_rev AS owes FROM device')
    if (listing?.['owes'] === 1) wrong.push(`${id} owes its country what waits of it`)
  }
  return wrong
}
