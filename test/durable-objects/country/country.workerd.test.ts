import { expect, it } from 'vitest'
import type { Listing } from '../../../durable-objects/country/listing.ts'
import { countryStub } from '../../../durable-objects/device/bindings.ts'
import type { BundleRow } from '../../../src/edge/store/index-message.ts'
import { bindings } from '../../edge/kit.ts'

/** What a Device Object tells the object of its country: in any order, any number of times, with losses in between. */
const country = () => countryStub(bindings, 'TG')
let devices = 0

function bundle(deviceId: string, seq: number, status: BundleRow['status'], over: Partial<BundleRow> = {}): BundleRow {
  return {
    ...{ deviceId, bundleId: String(seq).padStart(26, '0'), seq, status, country: 'TG', tenant: 'molam', rev: 1 },
    ...{
      currency: 'XOF',
      firstCounter: seq,
      lastCounter: seq,
      admittedCount: 1,
      admittedAmount: 100,
      policyVersion: 1,
    },
    ...{ riskScore: 0.1, riskReasons: [], receivedAt: 1000 + seq, updatedAt: 1000, payments: [[seq, seq, 'review']] },
    ...{ digest: new Uint8Array(16).fill(seq), admittedBy: [], settlements: [], ...over },
  } as unknown as BundleRow
}

function listing(deviceId: string, from: number, through: number, bundles: readonly BundleRow[]): Listing {
  const facts = {
    deviceId,
    tenant: 'molam',
    country: 'TG',
    status: 'active',
    alg: -7,
    kid: '00',
    rev: through,
  } as const
  return {
    from,
    through,
    device: { ...facts, registeredAt: 1, ownerWalletFault: null },
    consentRequest: null,
    denied: [],
    bundles,
  }
}
const newDevice = () => `POS-TG-${devices++}`
const seqs = async (deviceId: string, order: 'oldest' | 'newest' = 'oldest', over: object = {}, limit = 100) => {
  const filter = { statuses: ['review', 'quarantined', 'claimed'] as const, deviceId, order, ...over }
  return (await country().waiting(filter, limit)).map(({ seq }) => seq)
}

it('what comes twice, or later than something newer, changes nothing', async () => {
  const id = newDevice()
  const first = listing(id, 0, 2, [bundle(id, 1, 'review'), bundle(id, 2, 'claimed')])
  expect(await country().list(first)).toBe(2)
  expect(await country().list(listing(id, 2, 3, [bundle(id, 1, 'accepted')]))).toBe(3)
  expect(await country().list(first)).toBe(3)
  expect(await seqs(id)).toEqual([2])
  // Sent before its answer was lost, and again with what has changed since.
  expect(await country().list(listing(id, 2, 4, [bundle(id, 1, 'accepted'), bundle(id, 2, 'accepted')]))).toBe(4)
  expect(await seqs(id)).toEqual([])
})

it('what comes after something that never came is not taken: the answer says where to begin', async () => {
  const id = newDevice()
  expect(await country().list(listing(id, 5, 6, [bundle(id, 6, 'review')]))).toBe(0)
  expect(await seqs(id)).toEqual([])
  expect(
    (await country().devices({ after: `${id.slice(0, -1)}` }, 100)).map(({ device }) => device.deviceId),
  ).not.toContain(id)
  expect(await country().list(listing(id, 0, 6, [bundle(id, 6, 'review')]))).toBe(6)
  expect(await seqs(id)).toEqual([6])
})

it('pages go on where the one before ended, in both orders', async () => {
  const id = newDevice()
  const all = [1, 2, 3, 4, 5].map((seq) => bundle(id, seq, 'review', { receivedAt: 1000 + Math.floor(seq / 2) }))
  await country().list(listing(id, 0, 5, all))
  for (const order of ['oldest', 'newest'] as const) {
    const found: number[] = []
    let after: readonly [number, string, string] | undefined
    for (;;) {
      const page = await country().waiting({ statuses: ['review'], deviceId: id, order, after }, 2)
      const rows = page.slice(0, 2)
      found.push(...rows.map(({ seq }) => seq))
      const last = rows.at(-1)
      if (page.length <= 2 || last === undefined) break
      after = [last.receivedAt, last.bundleId, last.deviceId]
    }
    expect(found).toEqual(order === 'oldest' ? [1, 2, 3, 4, 5] : [5, 4, 3, 2, 1])
  }
})

it('rows come back as they were told, and are narrowed by tenant, status and time', async () => {
  const id = newDevice()
  const own = bundle(id, 1, 'review')
  await country().list(listing(id, 0, 2, [own, bundle(id, 2, 'claimed', { tenant: 'other' })]))
  expect(await country().waiting({ statuses: ['review'], deviceId: id, order: 'oldest' }, 5)).toEqual([own])
  expect(await seqs(id, 'oldest', { tenant: 'other' })).toEqual([2])
  expect(await seqs(id, 'oldest', { from: 1002 })).toEqual([2])
  expect(await seqs(id, 'oldest', { to: 1002 })).toEqual([1])
  expect(await country().summary()).toMatchObject({ oldestMs: 1000, counts: { claimed: 1 } })
})

it('a device that is only expected is swept, and not listed', async () => {
  const id = newDevice()
  await country().expect(id)
  const places = await country().nextToSweep(1000)
  expect(places.find(({ deviceId }) => deviceId === id)).toEqual({ deviceId: id, sweptAtMs: null, known: null })
  expect((await country().devices({}, 1000)).map(({ device }) => device.deviceId)).not.toContain(id)
  await country().markSwept([id])
  const after = await country().nextToSweep(1000)
  expect(after.find(({ deviceId }) => deviceId === id)?.sweptAtMs).toBeGreaterThan(0)
})
