import { beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { signedBy } from '../../../src/edge/ingest/signed-by.ts'
import { parseBundle } from '../../../src/protocol/bundle.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { bindings, keySet, pushed, registered } from '../kit.ts'

/** Who signed something: nobody learns from the answer, or from what it costs, which devices exist. */
let keys: KeySet
let device: TestDevice

beforeAll(async () => {
  await recordQueues()
  keys = await keySet()
})
beforeEach(async () => {
  device = await registered()
  forgetDevices()
})

/** The edge's bindings, counting what is asked of objects. */
function counted() {
  const asked: string[] = []
  const DEVICE = {
    idFromName: (name: string) => name,
    get: (name: string) => {
      const stub = bindings.DEVICE.get(bindings.DEVICE.idFromName(name))
      return {
        identity: () => {
          asked.push(name)
          return stub.identity()
        },
      }
    },
  }
  return { asked, env: { ...bindings, DEVICE } as never }
}

it('an unknown device, a wrong key and a bad signature each cost one look-up and one verification', async () => {
  const stranger = await TestDevice.create()
  const imposter = Object.assign(await TestDevice.create(), { id: device.id })
  const good = (await device.bundle([device.payment()], keys)).bundle
  const bad = good.with(-1, (good.at(-1) ?? 0) ^ 1)
  const forged = {
    'an unknown device': (await stranger.bundle([stranger.payment()], keys)).bundle,
    'a wrong key': (await imposter.bundle([imposter.payment()], keys)).bundle,
    'a bad signature': bad,
  }
  for (const [what, bundle] of Object.entries(forged)) {
    forgetDevices()
    const { asked, env } = counted()
    const verify = vi.spyOn(crypto.subtle, 'verify')
    expect(await signedBy(env, parseBundle(bundle), '', Date.now()), what).toBeUndefined()
    expect([asked.length, verify.mock.calls.length], what).toEqual([1, 1])
    verify.mockRestore()
  }
})

it('a key that the device has since a moment ago is known at once, although an older one is cached', async () => {
  await pushed((await device.bundle([device.payment()], keys)).bundle)
  const next = Object.assign(await TestDevice.create(), {
    id: device.id,
    seq: device.seq,
    prev: device.prev,
    counter: 2,
  })
  const { alg, bytes: publicKey } = next.signer.key
  await stubOf(device).rotateKey({ alg, publicKey, kid: next.kid }, 'retiring', { actor: 'user:ops' })
  expect((await pushed((await next.bundle([next.payment()], keys)).bundle)).receipt.seq).toBe(2)
})
