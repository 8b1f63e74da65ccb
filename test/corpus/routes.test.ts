import { beforeAll, expect, it } from 'vitest'
import { app } from '../../src/app.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import { dumpObject, dumpReadModel, type Queues, recordQueues } from '../durable-objects/kit.ts'
import { type Caller, call, pushPayments } from '../edge/admin/kit.ts'
import { registered } from '../edge/kit.ts'
import type { TestDevice } from '../kit/device.ts'
import { PEOPLE, ROUTES } from './routes.ts'

/** Every route × role × tenant. */
let queues: Queues
let device: TestDevice
let paths: Record<string, string>
beforeAll(async () => {
  queues = await recordQueues()
  device = await registered({ tenant: 'own' })
  const { header } = await pushPayments(device, [device.payment()], queues)
  const ids = { device_id: device.id, bundle_id: ulidText(header.bundleId), counter: '1', country: 'SN', version: '1' }
  const filled = (path: string) => path.replaceAll(/:([a-z_]+)/g, (_, name: keyof typeof ids) => ids[name])
  paths = Object.fromEntries(Object.keys(ROUTES).map((route) => [route, filled(route.split(' ')[1] ?? '')]))
})

const ask = (route: string, who: Caller | undefined) => {
  const [method = ''] = route.split(' ')
  return call(who, method, paths[route] ?? '', ROUTES[route]?.body ?? (method === 'POST' ? {} : undefined))
}

it('the table names every route that there is', () => {
  const own = app.routes.filter(({ method, path }) => !(method === 'ALL' && (path === '/*' || path === '*')))
  const served = new Set(own.map(({ method, path }) => `${method} ${path}`))
  expect(Object.keys(ROUTES).toSorted()).toEqual([...served].toSorted())
})

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
    // A push proves itself by what it carries, and here it carries nothing.
    const nobody = route === 'POST /offline/push' ? [400] : [401]
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

it('whoever may is let in: never 401, 403 or 500; lists of another tenant’s people show nothing of this one', async () => {
  const wrong: string[] = []
  for (const [route, { roles }] of Object.entries(ROUTES)) {
    if (typeof roles === 'string') continue
    for (const role of roles) {
      for (const tenant of [undefined, 'own', 'other']) {
        if (tenant !== undefined && ROUTES[route]?.allTenants) continue
        // Reactivated last, so that the device is what it was.
        if (/revoke|suspend/.test(route)) continue
        const response = await ask(route, { sub: `m-${role}`, roles: [role], ...(tenant && { tenant }) })
        const text = await response.text()
        if ([401, 403].includes(response.status) || response.status >= 500)
          wrong.push(`${route} ${role}: ${response.status} ${text}`)
        if (tenant === 'other' && text.includes(device.id)) wrong.push(`${route} shows ${device.id}: ${text}`)
      }
    }
  }
  expect(wrong).toEqual([])
})
