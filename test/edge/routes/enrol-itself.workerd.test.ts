import { describe, expect, it } from 'vitest'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { enrolSigner } from '../../../src/device/sdk/enrol.ts'
import type { Fetch } from '../../../src/device/sdk/index.ts'
import { select } from '../../durable-objects/device/kit.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { ORIGIN, SELF } from '../kit.ts'
import { admin, call, ok } from './kit.ts'

/** The device's side of enrolment against the edge itself. workerd has no cache and no cookies to switch off. */
const fetch: Fetch = (url, { method, headers, body }) =>
  SELF.fetch(url, { method, headers, ...(body && { body: body as BodyInit }) })

async function codeFor(device: TestDevice): Promise<string> {
  const body = { device_id: device.id, country: 'SN', tenant: 'molam', owner_wallet: device.ownerWallet }
  const { code } = await ok(call(admin, 'POST', '/offline/devices/enrolment-codes', body), 201)
  return code as string
}

async function newcomer() {
  const device = await TestDevice.create()
  const signer = await webCryptoSuite.es256Signer(randomBytes(32))
  const enrol = (code: string, over: object = {}) =>
    enrolSigner({ apiUrl: ORIGIN, deviceId: device.id, code, signer, fetch, ...over })
  return { device, enrol, code: await codeFor(device) }
}

describe('a device that enrols itself', () => {
  it('is registered with the key that it proved, and hears the same when it asks again', async () => {
    const { device, enrol, code } = await newcomer()
    const first = await enrol(code)
    expect(first.deviceId).toBe(device.id)
    expect(await enrol(code.toLowerCase())).toEqual(first)
    expect(await select<{ kid: string }>(device, 'SELECT hex(kid) AS kid FROM device')).toEqual([
      { kid: first.kid.toUpperCase() },
    ])
  })

  it('hears that it is registered although its code was replaced since: the answer to it was lost', async () => {
    const { device, enrol, code } = await newcomer()
    const lost: Fetch = async (url, request) => {
      await fetch(url, request)
      throw new TypeError('socket hang up')
    }
    await expect(enrol(code, { fetch: lost })).rejects.toMatchObject({ code: 'network_failed' })
    const later = await codeFor(device)
    expect(await enrol(code)).toMatchObject({ deviceId: device.id })
    expect(await enrol(later)).toMatchObject({ deviceId: device.id })
  })

  it('is registered although its clock is years off: the edge tells the time to who proves a key', async () => {
    const { device, enrol, code } = await newcomer()
    const clock = { nowMs: () => Date.UTC(2015, 0), monotonicMs: () => 0 }
    expect(await enrol(code, { clock })).toMatchObject({ deviceId: device.id })
    // Its code used up and the answer lost: the edge is asked whether it knows the key, with a clock as wrong.
    await codeFor(device)
    expect(await enrol(code, { clock })).toMatchObject({ deviceId: device.id })
  })

  it('is refused with a code that does not hold, and with a key that was replaced', async () => {
    const { device, enrol, code } = await newcomer()
    const wrong = `${code.slice(0, -1)}${code.endsWith('A') ? 'B' : 'A'}`
    await expect(enrol(wrong)).rejects.toMatchObject({ code: 'enrolment_code_invalid', next: 'enrol' })
    await enrol(code)
    const signer = await webCryptoSuite.es256Signer(randomBytes(32))
    const replaced = await enrol(await codeFor(device), { signer })
    expect(replaced.deviceId).toBe(device.id)
    await expect(enrol(await codeFor(device))).rejects.toMatchObject({ code: 'enrolment_code_invalid' })
  })
})
