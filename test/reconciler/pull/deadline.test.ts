import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openQueue } from '../../../reconciler/pull/queue.ts'

/** A queue whose answers begin and never end. */
let server: Server
const under: ServerResponse[] = []
beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('{"success":true,')
    under.push(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

test('an answer of the queue that begins and never ends is given up', async () => {
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const queue = openQueue({ apiUrl, accountId: 'a', id: 'q', token: 't' }, fetch, 200)
  await expect(queue.pull()).rejects.toThrow()
  await expect(queue.acknowledge(['lease'])).rejects.toThrow()
  expect(under).toHaveLength(2)
})
