import { beforeAll, describe, expect, it } from 'vitest'
import { forgetPolicies } from '../../src/edge/ingest/policy-cache.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import { PEOPLE, ROUTES } from '../attacks/inputs/routes.ts'
import { type Queues, recordQueues } from '../durable-objects/device/kit.ts'
import { TestDevice } from '../kit/device.ts'
import { expectRefusal, fetchWith, keySet, pushInit, receiptOf, registered, registration } from './kit.ts'
import { pushPayments, tokenOf } from './routes/kit.ts'

/** D1 is gone: devices go on, people and services are told to come again, and nothing is an internal error. */
let queues: Queues
let device: TestDevice
let pusher: TestDevice
let bundleId: string
beforeAll(async () => {
  queues = await recordQueues()
  device = await registered()
  pusher = await registered()
  const { header } = await pushPayments(device, [device.payment()], queues)
  bundleId = ulidText(header.bundleId)
})

/** A database whose calls all fail so, wherever in the call it shows. */
function failing(error: () => Error, where: 'prepare' | 'run'): D1Database {
  const fails = () => Promise.reject(error())
  const statement = { all: fails, first: fails, run: fails, raw: fails, bind: () => statement }
  return {
    prepare: () => {
      if (where === 'prepare') throw error()
      return statement
    },
    ...{ batch: fails, exec: fails },
  } as never
}
const lost = () => Object.assign(new Error('Network connection lost.'), { retryable: true })
const OUTAGES: Record<string, D1Database> = {
  'says that it is overloaded': failing(
    () => new Error('D1_ERROR: D1 DB is overloaded. Too many requests queued.'),
    'run',
  ),
  'is being reset': failing(() => new Error('D1_ERROR: D1 DB reset because its code was updated.'), 'prepare'),
  'is not reached': failing(lost, 'run'),
}

const paths = () => {
  const proposal_id = bundleId
  const ids = { device_id: device.id, bundle_id: bundleId, counter: '1', country: 'SN', version: '1', proposal_id }
  return Object.entries(ROUTES).map(([route, { roles, body }]) => {
    const [method = '', path = ''] = route.split(' ')
    const filled = path.replaceAll(/:([a-z_]+)/g, (_, name: keyof typeof ids) => ids[name])
    const query = route === 'GET /offline/reconciliation' ? '?date=2026-03-04&country=SN' : ''
    return { route, method, path: filled + query, roles, body }
  })
}

describe.each(Object.entries(OUTAGES))('while D1 %s', (_, DB) => {
  it('no route answers with an internal error, and what needs D1 says: come again', async () => {
    const statuses: Record<string, number> = {}
    for (const { route, method, path, roles, body } of paths()) {
      if (typeof roles === 'string' && roles !== 'everybody') continue
      // For ever; it touches the device's object only, like the others of its kind.
      if (route.endsWith('/revoke')) continue
      forgetPolicies()
      const token = await tokenOf({ sub: 'awa', roles: [PEOPLE[0]] })
      const response = await fetchWith({ DB } as object, path, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(method === 'POST' && { body: JSON.stringify(body ?? {}) }),
      })
      statuses[route] = response.status
      if (response.status === 503 && route !== 'GET /readyz')
        await expectRefusal(response, 'temporarily_unavailable', route)
      else await response.body?.cancel()
    }
    expect(Object.entries(statuses).filter(([, status]) => status === 500)).toEqual([])
    const unavailable = Object.keys(statuses).filter((route) => statuses[route] === 503)
    expect(unavailable).toEqual(
      expect.arrayContaining([
        ...['GET /offline/devices', 'GET /offline/bundles', 'GET /offline/bundles/:bundle_id', 'GET /offline/reviews'],
        ...['GET /offline/bundles/:bundle_id/original', 'POST /offline/bundles/:bundle_id/review'],
        ...['GET /offline/policies', 'GET /offline/policies/:country', 'GET /offline/policies/:country/versions'],
        ...[
          'GET /offline/policies/proposals',
          'POST /offline/policies/proposals',
          'POST /offline/policies/proposals/:proposal_id/confirm',
          'POST /offline/policies/proposals/:proposal_id/withdraw',
          'POST /offline/policies/:country/switch-off',
          'POST /offline/policies/dry-run',
          'GET /offline/audit',
          'GET /offline/audit/export',
          'GET /offline/escalations',
        ],
        ...['GET /offline/reconciliation', 'POST /offline/transactions/:device_id/:counter/reverse', 'GET /readyz'],
        'GET /metrics',
      ]),
    )
    // What the device's own object knows is told all the same.
    expect(statuses['GET /offline/devices/:device_id']).toBe(200)
  })

  it('a registration and an enrolment code are refused and may be sent again', async () => {
    forgetPolicies()
    const other = await TestDevice.create()
    const token = await tokenOf({})
    const init = (body: unknown) => ({
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': 'again' },
      body: JSON.stringify(body),
    })
    const body = await registration(other)
    await expectRefusal(await fetchWith({ DB } as object, '/offline/devices', init(body)), 'temporarily_unavailable')
    const { device_id, country, tenant, owner_wallet } = body
    const asked = init({ device_id, country, tenant, owner_wallet })
    await expectRefusal(
      await fetchWith({ DB } as object, '/offline/devices/enrolment-codes', asked),
      'temporarily_unavailable',
    )
  })

  it('a push gets its receipt', async () => {
    forgetPolicies()
    const { bundle } = await pusher.bundle([pusher.payment()], await keySet())
    const { receipt } = await receiptOf(await fetchWith({ DB } as object, '/offline/push', pushInit(bundle)))
    expect(receipt.deviceId).toBe(pusher.id)
  })
})

it('a statement that is wrong is our mistake, not an outage: nobody is told to try it again', async () => {
  for (const message of [
    'D1_ERROR: no such column: x: SQLITE_ERROR',
    'D1_ERROR: CHECK constraint failed: SQLITE_CONSTRAINT',
  ]) {
    const DB = failing(() => new Error(message), 'run')
    const headers = { authorization: `Bearer ${await tokenOf({})}` }
    for (const path of ['/offline/bundles', '/offline/policies/SN']) {
      const response = await fetchWith({ DB } as object, path, { headers })
      expect([path, response.status, await response.json()]).toMatchObject([path, 500, { code: 'internal_error' }])
    }
  }
})
