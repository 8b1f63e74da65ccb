import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EVIDENCE_PER_KIND_MAX } from '../../../durable-objects/device/sql/evidence-store.ts'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import { decodeCbor, type Tagged } from '../../../src/protocol/cbor.ts'
import { prevOf } from '../../../src/protocol/chain.ts'
import { detached, encodeSign1 } from '../../../src/protocol/cose.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import {
  accepted,
  describeDevice,
  inObject,
  lostQueues,
  recordQueues,
  select,
  stubOf,
} from '../../durable-objects/device/kit.ts'
import { type Made, randomBytes, type TestDevice } from '../../kit/device.ts'
import { expectRefusal, keySet, push, pushed, registered } from '../kit.ts'

/**
 * Checks 8 to 10 of docs/protocol.md §7.1: a bundle against what its device said before. Contradictions are kept as
 * evidence.
 */
let keys: KeySet
let device: TestDevice
let restore: () => void

beforeAll(async () => {
  ;({ restore } = await recordQueues())
  keys = await keySet()
})
afterAll(() => restore())
beforeEach(async () => {
  device = await registered()
})

const entry = () => device.payment()
const evidence = async () =>
  (await select<{ kind: string; seq: number; signed: ArrayBuffer }>(device, 'SELECT * FROM evidence ORDER BY at')).map(
    ({ kind, seq, signed }) => ({ kind, seq, signed: toHex(new Uint8Array(signed)) }),
  )
const admitted = async () =>
  (await select<{ bundle: ArrayBuffer }>(device, 'SELECT bundle FROM bundles ORDER BY seq')).map(({ bundle }) =>
    toHex(new Uint8Array(bundle)),
  )
/** Both sides of each contradiction, as people are shown them. */
const shown = async () =>
  accepted(await stubOf(device).evidence()).evidence.map(({ kind, signed, admitted }) => ({
    ...{ kind, signed: toHex(signed), admitted: admitted === null ? null : toHex(admitted) },
  }))
const escalations = async () =>
  (await select(device, 'SELECT kind, seq, digests FROM escalations ORDER BY id')).map(({ digests, ...row }) => ({
    ...row,
    digests: JSON.parse(digests as string) as string[],
  }))
/** Signed proof of other contradictions, as much as is kept of a kind. */
const fillEvidence = (kind: string) =>
  inObject(device, ({ storage }) => {
    for (let i = 0; i < EVIDENCE_PER_KIND_MAX; i++) {
      storage.sql.exec(
        `INSERT INTO evidence (digest, kind, seq, against_seq, signed, at) VALUES (?, ?, 1, 1, x'00', 0)`,
        ...[randomBytes(32).buffer, kind],
      )
    }
  })
const kept = ({ bundle }: Made) => toHex(bundle)
/** What is kept of a bundle that was refused as a whole. */
const signedOf = ({ bundle }: Made) => toHex(detached(bundle))
const status = async () => (await describeDevice(device)).status
const actions = async () => (await select(device, 'SELECT action FROM audit ORDER BY id')).map(({ action }) => action)
/** What later payments are counted and chained against. */
const counted = () => select(device, 'SELECT head, counters, activity FROM device')

describe('bundle_conflict', () => {
  it('another bundle under an id that was admitted is refused; the admitted one stands, both are kept', async () => {
    const first = await device.bundle([entry()], keys)
    const { receiptBytes } = await pushed(first.bundle)
    const before = await counted()
    const other = await device.bundle([entry()], keys, { bundleId: first.header.bundleId })
    await expectRefusal(await push(other.bundle), 'bundle_conflict')
    expect(await evidence()).toEqual([{ kind: 'bundle_conflict', seq: 2, signed: signedOf(other) }])
    expect(await admitted()).toEqual([kept(first)])
    expect(await counted()).toEqual(before)
    expect(await status()).toBe('active')
    expect((await pushed(first.bundle)).receiptBytes).toEqual(receiptBytes)
  })

  it('of what was refused as a whole its header, signature and digest are kept, which prove it to whoever has the rest', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const meta = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`note${n}`, 'x'.repeat(90)]))
    const large = await device.bundle(
      Array.from({ length: 40 }, () => device.payment({ meta })),
      keys,
      { bundleId: first.header.bundleId },
    )
    expect(large.bundle.length).toBeGreaterThan(30_000)
    await expectRefusal(await push(large.bundle), 'bundle_conflict')
    const [row] = await select<{ digest: ArrayBuffer; signed: ArrayBuffer }>(
      device,
      'SELECT digest, signed FROM evidence',
    )
    const signed = new Uint8Array(row?.signed ?? new ArrayBuffer(0))
    expect(signed.length).toBeLessThan(400)
    expect(toHex(new Uint8Array(row?.digest ?? new ArrayBuffer(0)))).toBe(toHex(large.digest))
    const [protectedBytes, , payload, signature] = (decodeCbor(signed) as Tagged).value as Uint8Array[]
    expect(payload).toBeNull()
    expect(toHex(encodeSign1({ protectedBytes, payload: large.sealed, signature } as never))).toBe(kept(large))
  })

  it('the same contradiction again is one piece of evidence and one audit record', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const other = await device.bundle([entry()], keys, { bundleId: first.header.bundleId })
    for (let i = 0; i < 3; i++) await expectRefusal(await push(other.bundle), 'bundle_conflict')
    expect(await evidence()).toHaveLength(1)
    expect(await actions()).toEqual(['device_registered', 'bundle_conflict', 'escalation_raised'])
  })

  it('is shown and escalated beside the bundle with that id, wherever in the chain it stands', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    await pushed((await device.bundle([entry()], keys)).bundle)
    const other = await device.bundle([entry()], keys, { bundleId: first.header.bundleId })
    await expectRefusal(await push(other.bundle), 'bundle_conflict')
    expect(await shown()).toEqual([{ kind: 'bundle_conflict', signed: signedOf(other), admitted: kept(first) }])
    expect(await escalations()).toEqual([
      { kind: 'bundle_conflict', seq: 3, digests: [toHex(other.digest), toHex(first.digest)] },
    ])
  })

  it('a hundred in a day are one escalation, kept or not', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const conflict = async () => {
      const { seq, prev } = device
      const made = await device.bundle([entry()], keys, { bundleId: first.header.bundleId })
      Object.assign(device, { seq, prev })
      await expectRefusal(await push(made.bundle), 'bundle_conflict')
    }
    await conflict()
    await conflict()
    await fillEvidence('bundle_conflict')
    await conflict()
    expect(await escalations()).toHaveLength(1)
    await inObject(device, ({ storage }) => void storage.sql.exec('UPDATE escalations SET at = at - 86400000'))
    for (let i = 0; i < 2; i++) await conflict()
    expect(await escalations()).toHaveLength(2)
  })

  it('another device may use the same bundle id', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const other = await registered()
    const made = await other.bundle([other.payment()], keys, { bundleId: first.header.bundleId })
    expect((await pushed(made.bundle)).receipt.deviceId).toBe(other.id)
  })
})

describe('nonce_replayed', () => {
  it('a nonce that signed another bundle is refused, and signing again with a fresh one is enough', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const before = await counted()
    const second = await device.bundle([entry()], keys, { nonce: first.header.nonce })
    await expectRefusal(await push(second.bundle), 'nonce_replayed')
    expect(await counted()).toEqual(before)
    expect(await evidence()).toEqual([{ kind: 'nonce_replayed', seq: 2, signed: signedOf(second) }])
    expect(await status()).toBe('active')
    expect((await pushed((await device.resign(second)).bundle)).receipt.seq).toBe(2)
  })

  it('is shown and escalated beside the bundle with that nonce', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    await pushed((await device.bundle([entry()], keys)).bundle)
    const third = await device.bundle([entry()], keys, { nonce: first.header.nonce })
    await expectRefusal(await push(third.bundle), 'nonce_replayed')
    expect(await shown()).toEqual([{ kind: 'nonce_replayed', signed: signedOf(third), admitted: kept(first) }])
    expect(await escalations()).toEqual([
      { kind: 'nonce_replayed', seq: 3, digests: [toHex(third.digest), toHex(first.digest)] },
    ])
  })

  it('a nonce of another device means nothing', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const other = await registered()
    const made = await other.bundle([other.payment()], keys, { nonce: first.header.nonce })
    expect((await pushed(made.bundle)).receipt.seq).toBe(1)
  })
})

describe('chain_fork', () => {
  const forks: readonly (readonly [string, () => Promise<Made>])[] = [
    ['the same seq with other payments', () => device.bundle([entry()], keys, { seq: 1, prev: new Uint8Array(16) })],
    ['a prev that names no admitted bundle', () => device.bundle([entry()], keys, { prev: randomBytes(16) })],
    ['a prev of zeros after the first', () => device.bundle([entry()], keys, { prev: new Uint8Array(16) })],
  ]
  it.each(forks)('%s: refused, suspended, both stories kept, nothing counted', async (_, fork) => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const before = await counted()
    const forged = await fork()
    await expectRefusal(await push(forged.bundle), 'chain_fork')
    expect(await status()).toBe('suspended')
    expect(await evidence()).toEqual([{ kind: 'chain_fork', seq: forged.header.seq, signed: signedOf(forged) }])
    expect(await shown()).toEqual([{ kind: 'chain_fork', signed: signedOf(forged), admitted: kept(first) }])
    expect(await escalations()).toEqual([
      { kind: 'chain_fork', seq: forged.header.seq, digests: [toHex(forged.digest), toHex(first.digest)] },
    ])
    expect(await admitted()).toEqual([kept(first)])
    expect(await counted()).toEqual(before)
    expect(await actions()).toEqual(expect.arrayContaining(['chain_fork', 'device_suspended']))
    forgetDevices()
    await expectRefusal(await push(first.bundle), 'device_suspended')
  })

  it('a first bundle must begin the chain', async () => {
    const forged = await device.bundle([entry()], keys, { prev: randomBytes(16) })
    await expectRefusal(await push(forged.bundle), 'chain_fork')
    expect(await status()).toBe('suspended')
    expect(await admitted()).toEqual([])
    expect(await shown()).toEqual([{ kind: 'chain_fork', signed: signedOf(forged), admitted: null }])
    expect(await escalations()).toMatchObject([{ kind: 'chain_fork', digests: [toHex(forged.digest)] }])
  })

  it('a bundle that fills a hole must fit what follows it', async () => {
    const first = await device.bundle([entry()], keys)
    await device.bundle([entry()], keys)
    const third = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    await pushed(third.bundle)
    const forged = await device.bundle([entry()], keys, { seq: 2, prev: prevOf(first.digest) })
    await expectRefusal(await push(forged.bundle), 'chain_fork')
    expect(await status()).toBe('suspended')
    expect(await shown()).toEqual([{ kind: 'chain_fork', signed: signedOf(forged), admitted: kept(third) }])
  })

  it('a fork first hidden behind a used nonce still suspends, once it is signed again', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const fork = await device.bundle([entry()], keys, { seq: 1, prev: new Uint8Array(16), nonce: first.header.nonce })
    await expectRefusal(await push(fork.bundle), 'nonce_replayed')
    await expectRefusal(await push((await device.resign(fork)).bundle), 'chain_fork')
    expect(await status()).toBe('suspended')
    expect((await evidence()).map(({ kind }) => kind).sort()).toEqual(['chain_fork', 'nonce_replayed'])
  })

  it('other contradictions, however many, leave room for it: kept, shown first, recorded and escalated', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    for (const kind of ['bundle_conflict', 'nonce_replayed']) await fillEvidence(kind)
    const forged = await device.bundle([entry()], keys, { seq: 1, prev: new Uint8Array(16) })
    await expectRefusal(await push(forged.bundle), 'chain_fork')
    expect(await status()).toBe('suspended')
    expect((await shown())[0]).toEqual({ kind: 'chain_fork', signed: signedOf(forged), admitted: kept(first) })
    expect(await escalations()).toMatchObject([{ kind: 'chain_fork' }])
    expect((await actions()).slice(-3)).toEqual(['chain_fork', 'escalation_raised', 'device_suspended'])
  })

  it('one that finds no room for its bundle is recorded, escalated and suspends all the same', async () => {
    await pushed((await device.bundle([entry()], keys)).bundle)
    await fillEvidence('chain_fork')
    const forged = await device.bundle([entry()], keys, { seq: 1, prev: new Uint8Array(16) })
    await expectRefusal(await push(forged.bundle), 'chain_fork')
    expect(await status()).toBe('suspended')
    expect(await evidence()).toHaveLength(EVIDENCE_PER_KIND_MAX)
    expect(await escalations()).toMatchObject([{ kind: 'chain_fork' }])
    expect((await actions()).slice(-3)).toEqual(['chain_fork', 'escalation_raised', 'device_suspended'])
  })

  it('a device that was reactivated and tells the same fork again is suspended again', async () => {
    const first = await device.bundle([entry()], keys)
    await pushed(first.bundle)
    const forged = await device.bundle([entry()], keys, { seq: 1, prev: new Uint8Array(16) })
    await expectRefusal(await push(forged.bundle), 'chain_fork')
    await stubOf(device).setStatus('active', { actor: 'user:ops' }, 'repaired')
    forgetDevices()
    await expectRefusal(await push(forged.bundle), 'chain_fork')
    expect(await status()).toBe('suspended')
    expect(await evidence()).toHaveLength(1)
  })

  it('the reconciler and the read model are told of the suspension', async () => {
    const queues = await lostQueues()
    await pushed((await device.bundle([entry()], keys)).bundle)
    queues.clear()
    await push((await device.bundle([entry()], keys, { seq: 1, prev: new Uint8Array(16) })).bundle)
    expect(queues.settle).toMatchObject([{ kind: 'device', status: 'suspended', rev: 2 }])
    expect(queues.index.flatMap(({ device: row }) => row ?? [])).toMatchObject([{ status: 'suspended', rev: 2 }])
    const told = queues.index.flatMap(({ audit }) => audit ?? []).map(({ action }) => action)
    expect(told).toEqual(expect.arrayContaining(['chain_fork', 'device_suspended']))
  })
})
