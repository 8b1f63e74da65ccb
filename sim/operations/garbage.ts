import type { Random } from '../time/random.ts'
import type { Operation } from './operation.ts'

const PATHS = [
  '/offline/push',
  '/offline/notice',
  '/offline/enrol',
  '/offline/devices',
  '/offline/devices/POS-1/keys',
  '/offline/devices/enrolment-codes',
  '/offline/bundles/01ARZ3NDEKTSV4RRFFQ69G5FAV/review?device_id=POS-1',
  '/offline/transactions/POS-1%2F1/reverse',
  '/offline/policies',
  '/offline/internal/confirmations',
  '/offline/audit?limit=-1',
] as const
const TYPES = ['application/vnd.molam.bundle+cose', 'application/json', 'application/cbor', 'text/plain'] as const

/** What strangers send to every address there is. The world holds it against the edge when it answers with 500. */
export const sendGarbage: Operation = {
  weight: 0.5,
  async run({ rogue, apiUrl }, _device, random) {
    const path = random.pick(PATHS)
    const method = random.chance(0.7) ? 'POST' : 'GET'
    const headers: Record<string, string> = {
      'content-type': random.pick(TYPES),
      accept: random.pick(['application/cbor', '*/*']),
    }
    if (random.chance(0.3)) headers['authorization'] = random.pick(['Bearer x.y.z', 'Molam-Device AAAA', 'Basic eDp5'])
    const how = { redirect: 'error', credentials: 'omit', cache: 'no-store' } as const
    const body = method === 'POST' && { body: bodyOf(random) }
    const answer = await rogue.network.fetch(apiUrl + path, { method, headers, ...how, ...body }).catch(() => undefined)
    return `(a stranger) sends garbage, ${method} ${path}: ${answer?.status ?? 'no answer'}`
  },
}

const bodyOf = (random: Random): Uint8Array =>
  random.chance(0.5)
    ? random.bytes(random.between(0, 300))
    : new TextEncoder().encode(
        random.pick(['{}', '[]', '{"code":1}', '{"device_id":"..","country":"XX"}', '{"a":', 'null']),
      )
