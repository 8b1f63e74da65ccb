import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { forgetDevices } from '../../src/edge/ingest/identity-cache.ts'
import type { KeySet } from '../../src/protocol/keyset.ts'
import { ROUTES } from '../attacks/inputs/routes.ts'
import { inObject, recordQueues, select } from '../durable-objects/device/kit.ts'
import { TestDevice } from '../kit/device.ts'
import { expectRefusal, fetchWith, keySet, ORIGIN, push, pushInit, receiptOf, registered, registration } from './kit.ts'
import { tokenOf } from './routes/kit.ts'

/**
 * A Device Object is reset while somebody's request runs, as the platform does with every deployment: whoever asked is told to
 * come again, and may. Nobody is told of a fault.
 */
type Methods = Record<string, unknown>
let methods: Methods
let device: TestDevice
let keys: KeySet
let mend: (() => void)[] = []

beforeAll(async () => {
  await recordQueues()
  keys = await keySet()
})
beforeEach(async () => {
  device = await registered()
  methods = await inObject(device, (_, object) => Object.getPrototypeOf(object) as Methods)
})
afterEach(() => {
  for (const run of mend) run()
  mend = []
})

/** From now on these calls of objects begin, and the object is reset under them. */
function resetsAt(...names: readonly string[]): void {
  for (const name of names) {
    const before = methods[name]
    mend.push(() => Object.assign(methods, { [name]: before }))
    methods[name] = function (this: { ctx: DurableObjectState }) {
      this.ctx.abort('reset by a test')
      return new Promise(() => {})
    }
  }
}
const everyMethod = () => Object.getOwnPropertyNames(methods).filter((name) => name !== 'constructor')

async function expectComeAgain(response: Response, what: string): Promise<void> {
  expect(response.headers.get('retry-after'), what).toBe('5')
  await expectRefusal(response, 'temporarily_unavailable', what)
}

it('a push, whichever of its calls is under way', async () => {
  const made = await device.bundle([device.payment()], keys)
  for (const name of ['identity', 'admit']) {
    forgetDevices()
    resetsAt(name)
    await expectComeAgain(await push((await device.resign(made)).bundle), name)
    for (const run of mend.splice(0)) run()
  }
  expect(await select(device, 'SELECT seq FROM bundles')).toEqual([])
  expect((await receiptOf(await push(made.bundle))).receipt.seq).toBe(1)
})

it('after the bundle was admitted: the same push again brings its receipt, and nothing is admitted twice', async () => {
  const made = await device.bundle([device.payment()], keys)
  const admit = methods['admit'] as (request: unknown) => Promise<unknown>
  mend.push(() => Object.assign(methods, { admit }))
  methods['admit'] = async function (this: { ctx: DurableObjectState }, request: unknown) {
    await admit.call(this, request)
    await this.ctx.storage.sync()
    this.ctx.abort('reset by a test')
    return new Promise(() => {})
  }
  await expectComeAgain(await push(made.bundle), 'admitted')
  for (const run of mend.splice(0)) run()
  expect(await select(device, 'SELECT seq FROM bundles')).toEqual([{ seq: 1 }])
  const { receipt } = await receiptOf(await push(made.bundle))
  expect(receipt.seq).toBe(1)
  expect(await select(device, 'SELECT seq FROM bundles')).toEqual([{ seq: 1 }])
})

it('a notice, and a change of key', async () => {
  forgetDevices()
  resetsAt(...everyMethod())
  const path = `/offline/devices/${device.id}/keys`
  const authorization = `Molam-Device ${await device.proof('GET', `${ORIGIN}/offline/notice`)}`
  await expectComeAgain(await fetchWith({}, '/offline/notice', { headers: { authorization } }), 'notice')
  const next = Object.assign(await TestDevice.create(), { id: device.id })
  const body = JSON.stringify({ public_key: next.jwk(), proof: await next.proof('POST', ORIGIN + path) })
  const headers = {
    authorization: `Molam-Device ${await device.proof('POST', ORIGIN + path, {}, body)}`,
    'content-type': 'application/json',
  }
  await expectComeAgain(await fetchWith({}, path, { method: 'POST', headers, body }), 'keys')
})

it('whatever people ask', async () => {
  const made = await device.bundle([device.payment()], keys)
  await receiptOf(await push(made.bundle))
  resetsAt(...everyMethod())
  const other = await TestDevice.create()
  const ids = { device_id: device.id, counter: '1' } as Record<string, string>
  const asked: Record<string, unknown> = {
    'POST /offline/devices': await registration(other),
    'POST /offline/devices/enrolment-codes': {
      ...{ device_id: other.id, country: 'SN', tenant: 'molam', owner_wallet: other.ownerWallet },
    },
  }
  const routes = [
    ...['POST /offline/devices', 'POST /offline/devices/enrolment-codes', 'GET /offline/devices/:device_id'],
    ...['suspend', 'reactivate', 'revoke'].map((change) => `POST /offline/devices/:device_id/${change}`),
    ...['GET /offline/devices/:device_id/evidence', 'POST /offline/transactions/:device_id/:counter/reverse'],
  ]
  const headers = { authorization: `Bearer ${await tokenOf({})}`, 'content-type': 'application/json' }
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ')
    const body = asked[route] ?? ROUTES[route]?.body ?? {}
    const filled = path.replaceAll(/:([a-z_]+)/g, (_, name: string) => ids[name] ?? '')
    const init = { method, headers, ...(method === 'POST' && { body: JSON.stringify(body) }) }
    await expectComeAgain(await fetchWith({}, filled, init), route)
  }
})

it('an object that has too much to do says the same', async () => {
  const overloaded = Object.assign(new Error('Durable Object is overloaded.'), { overloaded: true })
  const DEVICE = {
    idFromName: (name: string) => name,
    get: () => ({ identity: () => Promise.reject(overloaded) }),
  }
  forgetDevices()
  const { bundle } = await device.bundle([device.payment()], keys)
  await expectComeAgain(
    await fetchWith({ DEVICE } as object, '/offline/push', pushInit(bundle) as RequestInit),
    'overloaded',
  )
})
