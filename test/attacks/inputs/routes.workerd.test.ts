import { afterAll, beforeAll, expect, it } from 'vitest'
import { app } from '../../../src/edge/app.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import {
  deliverIndex,
  dumpObject,
  dumpReadModel,
  listed,
  recordQueues,
  select,
} from '../../durable-objects/device/kit.ts'
import { bindings, insertPolicy, keySet, push, registered } from '../../edge/kit.ts'
import { type Caller, call, ok, pushPayments } from '../../edge/routes/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { PEOPLE, ROUTES } from './routes.ts'

/** Every route × role × tenant. */
let queues: Awaited<ReturnType<typeof recordQueues>>
let device: TestDevice
/** With the ids of what is there in the place of their names. */
let filled: (text: string) => string
beforeAll(async () => {
  queues = await recordQueues()
  device = await registered({ tenant: 'own' })
  // A payment that waits for a person, and a fork: something for every list.
  const big = { amount: amountMinor(80_000), sender: device.ownerWallet, receiver: 'W-B' }
  const { header } = await pushPayments(device, [device.payment(big)], queues)
  const fork = { currency: currency('XOF'), entries: [device.payment()] }
  for (let i = 0; i < 2; i++) await push((await device.seal(fork, await keySet())).bundle)
  await deliverIndex(queues)
  await ok(
    call({ sub: 'awa', roles: ['pay_admin'] }, 'POST', `/offline/devices/${device.id}/consents`, { reason: 'corpus' }),
    201,
  )
  await listed(device)
  // An export leaves the last minutes to the next one, so that what it shows must be older.
  await bindings.DB.prepare(
    `INSERT INTO offline_audit_logs (id, device_id, tenant, at, actor, action, detail)
      VALUES (?1 || '/old', ?1, 'own', 1000, 'system', 'x', '{}')`,
  )
    .bind(device.id)
    .run()
  const [{ at } = {}] = await select<{ at: number }>(device, 'SELECT received_at AS at FROM bundles WHERE seq = 1')
  const ids: Readonly<Record<string, string>> = {
    ...{ device_id: device.id, bundle_id: ulidText(header.bundleId), counter: '1' },
    ...{
      country: 'SN',
      version: '1',
      proposal_id: '01JD3T4V8ZK6X9M2Q5W7Y0R1B3',
      request: '01JD3T4V8ZK6X9M2Q5W7Y0R1B3',
      date: new Date(at ?? 0).toISOString().slice(0, 10),
    },
  }
  filled = (text) => text.replaceAll(/:([a-z_]+)/g, (_, name: string) => ids[name] ?? name)
})
// Whoever may switch the country off does.
afterAll(async () => {
  await insertPolicy('SN', { enabled: true })
  await queues.restore()
})

const ask = (route: string, who: Caller | undefined, cursor?: string) => {
  const [method = '', path = ''] = route.split(' ')
  const { query = '', body = method === 'POST' ? {} : undefined } = ROUTES[route] ?? {}
  const from = cursor === undefined ? '' : `${query === '' ? '?' : '&'}cursor=${cursor}`
  return call(who, method, filled(path + query + from), body)
}

/** All pages of a list, so that what other tests left behind does not push the device off the first one. */
async function askAll(route: string, who: Caller): Promise<{ status: number; text: string }> {
  let all = ''
  for (let cursor: string | undefined; ; ) {
    const response = await ask(route, who, cursor)
    const text = await response.text()
    all += text
    const isList = response.headers.get('content-type')?.startsWith('application/json') ?? false
    cursor = isList ? ((JSON.parse(text) as { next_cursor?: string | null }).next_cursor ?? undefined) : undefined
    if (response.status !== 200 || cursor === undefined) return { status: response.status, text: all }
  }
}

it('the table names every route that there is', () => {
  const own = app.routes.filter(({ method, path }) => !(method === 'ALL' && (path === '/*' || path === '*')))
  const served = new Set(own.map(({ method, path }) => `${method} ${path}`))
  expect(Object.keys(ROUTES).toSorted()).toEqual([...served].toSorted())
})

/** The device that asks proves itself, and says no more. */
const WITHOUT_A_BODY = 'POST /offline/consents/code'

it('nobody, a role too few, and another tenant: refused, and nothing is written', async () => {
  const before = [await dumpObject(device), await dumpReadModel()]
  const wrong: string[] = []
  let asked = 0
  const expectStatus = async (route: string, who: Caller | undefined, statuses: readonly number[]) => {
    const response = await ask(route, who)
    asked++
    const text = await response.text()
    if (!statuses.includes(response.status)) wrong.push(`${route} ${JSON.stringify(who)}: ${response.status} ${text}`)
  }
  for (const [route, { roles, ofTenant, allTenants }] of Object.entries(ROUTES)) {
    if (roles === 'everybody') continue
    // What devices send is read before it is believed, and here they send nothing.
    const isRead = roles === 'device' && route.startsWith('POST') && route !== WITHOUT_A_BODY
    const nobody = isRead ? [400] : [401]
    await expectStatus(route, undefined, nobody)
    for (const role of PEOPLE) {
      const isAllowed = typeof roles !== 'string' && roles.includes(role)
      // Devices and services sign; a person's token is nothing to them.
      if (typeof roles === 'string') await expectStatus(route, { sub: 'm', roles: [role] }, nobody)
      else if (!isAllowed) await expectStatus(route, { sub: 'm', roles: [role] }, [403])
      if (!isAllowed || typeof roles === 'string') continue
      const stranger = { sub: 'm', roles: [role], tenant: 'other' }
      if (ofTenant) await expectStatus(route, stranger, [404])
      if (allTenants) await expectStatus(route, stranger, [403])
    }
    await expectStatus(route, { sub: 'm', roles: ['pay_root'] }, nobody)
    await expectStatus(route, { sub: 'm', roles: [] }, [...nobody, 403])
  }
  expect(wrong).toEqual([])
  expect(asked).toBeGreaterThan(120)
  expect([await dumpObject(device), await dumpReadModel()]).toEqual(before)
})

it('a list shows a tenant’s own people what is its own, and those of another nothing of it', async () => {
  const wrong: string[] = []
  for (const [route, { roles, shows = [] }] of Object.entries(ROUTES)) {
    if (typeof roles === 'string' || shows.length === 0) continue
    for (const role of roles) {
      for (const tenant of [undefined, 'own', 'other']) {
        const { status, text } = await askAll(route, { sub: 'm', roles: [role], ...(tenant && { tenant }) })
        const isRight = shows.every((one) => text.includes(filled(one)) === (tenant !== 'other'))
        if (status !== 200 || !isRight) wrong.push(`${route} ${role} of ${tenant}: ${status} ${text}`)
      }
    }
  }
  expect(wrong).toEqual([])
})

it('whoever may is let in: never 401, 403 or 500, nor 404 for what is its own', async () => {
  const wrong: string[] = []
  for (const [route, { roles, ofTenant, allTenants }] of Object.entries(ROUTES)) {
    if (typeof roles === 'string') continue
    for (const role of roles) {
      for (const tenant of [undefined, 'own', 'other']) {
        if (tenant !== undefined && allTenants) continue
        // Reactivated last, so that the device is what it was.
        if (/revoke|suspend/.test(route)) continue
        const response = await ask(route, { sub: `m-${role}`, roles: [role], ...(tenant && { tenant }) })
        const text = await response.text()
        const never = ofTenant && tenant !== 'other' ? [401, 403, 404] : [401, 403]
        if (never.includes(response.status) || response.status >= 500) {
          wrong.push(`${route} ${role} of ${tenant}: ${response.status} ${text}`)
        }
        if (tenant === 'other' && text.includes(device.id)) wrong.push(`${route} shows ${device.id}: ${text}`)
      }
    }
  }
  expect(wrong).toEqual([])
})
