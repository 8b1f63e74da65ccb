import type { World } from '../world.ts'
import { isRegistered } from './seen.ts'

/** Nothing is owed for ever: at quiet no object owes anything to anybody. */
export function nothingIsOwed({ edge, devices, phones }: World): string[] {
  const known = [...devices.map(({ id }) => id), ...[...phones.values()].map(({ deviceId }) => deviceId)]
  const ids = new Set([...known, ...edge.objects.names.filter((id) => isRegistered(edge, id))])
  return [...ids].flatMap((id) => {
    const [owed] = isRegistered(edge, id) ? edge.objects.read(id, OWED) : []
    if (owed === undefined) return [`${id} is not known to its object`]
    return CREDITORS.flatMap(([to, who]) => (owed[to] === 0 ? [] : [`${id} owes ${owed[to]} to ${who}`]))
  })
}

const CREDITORS = [
  ['settle', 'the reconciler'],
  ['shown', 'the read model'],
  ['listed', 'its country'],
] as const

/** From the rows, and not as the object itself adds it up. */
const OWED = `
  SELECT (recorded_rev < rev) + (SELECT COUNT(*) FROM bundles WHERE recorded = 0)
      + (SELECT COUNT(*) FROM resolutions WHERE recorded = 0) + (SELECT COUNT(*) FROM claim_answers WHERE recorded = 0)
      + (SELECT COUNT(*) FROM mandates WHERE recorded = 0)
      + (SELECT COUNT(*) FROM allowance_orders WHERE recorded = 0) AS settle,
    (indexed_rev < rev) + (SELECT COUNT(*) FROM bundles AS b WHERE b.indexed_rev < b.rev)
      + (SELECT COUNT(*) FROM audit WHERE id > audit_done_through) AS shown,
    listing_rev > listed_rev AS listed
  FROM device`
