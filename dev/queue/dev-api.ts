import { failure, success } from './api.ts'
import type { QueueBroker } from './broker.ts'
import { parseFaults } from './faults.ts'

/**
 * The controls that production has not, under `/dev/queues/:queue/`:
 * `GET stats` what it holds; `GET|PUT faults` what it does wrong (`Faults`); `POST drop` loses everything it holds;
 * `POST expire` ends every lease now.
 */
export async function devApi(
  broker: DurableObjectStub<QueueBroker>,
  queue: string,
  method: string,
  action: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Response> {
  switch (`${method} ${action}`) {
    case 'GET stats':
      return success(await broker.backlog(queue))
    case 'GET faults':
      return success(await broker.faults(queue))
    case 'PUT faults': {
      const faults = parseFaults(body)
      if (faults === undefined) return failure(400, 'not a set of faults')
      await broker.setFaults(queue, faults)
      return success(faults)
    }
    case 'POST drop':
      return success({ dropped: await broker.purge(queue) })
    case 'POST expire':
      return success({ expired: await broker.expireLeases(queue) })
    default:
      return failure(404, 'No route for the URI', 7003)
  }
}
