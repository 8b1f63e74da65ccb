import type { SimEdge } from './cloudflare/edge.ts'
import { received } from './cloudflare/received.ts'
import type { AllFaults } from './faults/kinds.ts'
import type { Telephones, Text } from './people/telephones.ts'
import { GATEWAY_URL, QUEUE_API_URL } from './settings.ts'
import type { Random } from './time/random.ts'
import type { Scheduler } from './time/scheduler.ts'

/** From the reconciler's datacentre to the edge, milliseconds. */
export const WAY_MS = 120

/** What a reconciler's `fetch` reaches: the edge, the queue's API, and the gateway to telephones. Requests and answers get lost on the way. */
export function servicesOf(
  {
    scheduler,
    random,
    faults,
    edge,
    telephones,
  }: {
    readonly scheduler: Scheduler
    readonly random: Random
    readonly faults: AllFaults
    readonly edge: SimEdge
    readonly telephones: Telephones
  },
  name: string,
): typeof globalThis.fetch {
  const chance = random.stream(`${name}'s network`)
  const answerTo = async (request: Request): Promise<Response> => {
    if (request.url.startsWith(QUEUE_API_URL)) return edge.queueApi(request)
    if (request.url !== GATEWAY_URL) return edge.fetch(await received(request))
    telephones.took((await request.json()) as Text)
    return new Response(null, { status: 202 })
  }
  const way = () => scheduler.sleep(chance.next() * WAY_MS)
  return async (input, init) => {
    const request = new Request(input, init)
    await way()
    if (faults.strikes('request_lost', name)) throw new TypeError('network is unreachable')
    const answer = await answerTo(request)
    await way()
    if (faults.strikes('answer_lost', name)) throw new TypeError('connection lost')
    return answer
  }
}
