import { expect, it } from 'vitest'
import { CARRIED_MAX } from '../../../src/device/relay/carried-store.ts'
import { FAULTS, Rig } from '../sdk/rig.ts'
import { Relay } from './kit.ts'

/** The phone's storage fails, or its process ends, at each of the calls that it makes from a scan to a receipt. */
it.each(FAULTS)('storage that %s, at any call: what was said to be carried is delivered, once', async (fault) => {
  const relay = await Relay.create()
  const { storage } = await Rig.create()
  let happened = true
  let k = 1
  for (; happened; k++) {
    const { bundle } = await relay.bundle()
    storage.items.clear()
    storage.arm(k, fault)
    const said = await relay
      .carrier({ storage })
      .carry(bundle)
      .catch(() => undefined)
    await relay
      .carrier({ storage })
      .pushCarried()
      .catch(() => undefined)
    happened = storage.revive()

    const next = relay.carrier({ storage })
    if (said === undefined) await next.carry(bundle)
    await next.pushCarried()
    expect(await next.list(), `call ${k}`).toMatchObject([{ state: { status: 'delivered' } }])
    expect(relay.edge.bundles).toHaveLength(k)
    expect(relay.edge.contradictions).toEqual([])
  }
  // Every step looks through all the places, and there are five.
  expect(k).toBeGreaterThan(5 * 2 * CARRIED_MAX)
})

it('a record that was cut off anywhere is a free place, and the bundle is carried again', async () => {
  const relay = await Relay.create()
  const { bundle } = await relay.bundle()
  await relay.carrier().carry(bundle)
  const whole = relay.items.get('molam/relay/bundle/0') ?? ''
  expect(whole.length).toBeGreaterThan(300)
  for (let length = 0; length < whole.length; length++) {
    relay.items.set('molam/relay/bundle/0', whole.slice(0, length))
    expect(await relay.carrier().list()).toEqual([])
  }
  await relay.carrier().carry(bundle)
  expect(relay.items.get('molam/relay/bundle/0')).toBe(whole)
})

it('a record of a later version of the app is left alone', async () => {
  const relay = await Relay.create()
  relay.items.set('molam/relay/bundle/0', 'm2.whatever')
  await relay.carrier().carry((await relay.bundle()).bundle)
  expect(await relay.carrier().list()).toHaveLength(1)
  expect(relay.items.get('molam/relay/bundle/0')).toBe('m2.whatever')
})
