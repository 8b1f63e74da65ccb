import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../../src/crypto/hmac.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { encodeCbor } from '../../../src/protocol/cbor.ts'
import { type Confirmation, encodeConfirmations, splitConfirmations } from '../../../src/protocol/confirmations.ts'
import { describeDevice, dumpObject, readNotice, recordQueues } from '../../durable-objects/device/kit.ts'
import { type Made, randomBytes, TestDevice } from '../../kit/device.ts'
import { bindings, expectRefusal, fetchWith, keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'

/** `POST /internal/outcomes`: the reconciler's word, and nobody else's. */
const PATH = '/internal/outcomes'
let restore: () => void
let device: TestDevice
let made: Made
let key: CryptoKey

beforeAll(async () => {
  ;({ restore } = await recordQueues())
  key = await importHmacKey(fromBase64url(bindings.INTERNAL_HMAC_KEY))
})
afterAll(() => restore())
beforeEach(async () => {
  device = await registered()
  made = await device.bundle([device.payment()], await keySet())
  await pushed(made.bundle)
})

const settled = (over: Partial<Confirmation> = {}) =>
  ({
    kind: 'bundle_settled',
    deviceId: device.id,
    bundleId: made.header.bundleId,
    seq: 1,
    rev: 1,
    outcomes: [{ counter: 1, status: 'succeeded', atMs: 1 }],
    ...over,
  }) as Confirmation
const send = (body: Uint8Array, header: string | undefined, path = PATH, method = 'POST') =>
  SELF.fetch(ORIGIN + path, {
    method,
    body: body as BodyInit,
    headers: header === undefined ? {} : { [SERVICE_HEADER]: header },
  })
const signed = (body: Uint8Array, atMs = Date.now(), path = PATH, method = 'POST') =>
  signServiceCall(key, { method, path, body }, atMs)

it('what the reconciler says reaches each device, and the answer says so for each', async () => {
  const unknown = await TestDevice.create()
  const other = await registered()
  const body = encodeConfirmations([
    settled(),
    { kind: 'device_recorded', deviceId: other.id, rev: 1 },
    { kind: 'device_recorded', deviceId: unknown.id, rev: 1 },
  ])
  const response = await send(body, await signed(body))
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    devices: { [device.id]: 'confirmed', [other.id]: 'confirmed', [unknown.id]: 'unknown_device' },
  })
  expect(await readNotice(device, 0)).toMatchObject({ outcomes: [{ counter: 1, status: 'succeeded' }] })
  expect((await describeDevice(other)).owed.settle).toBe(0)
})

it('the same call again, as a captured one, changes nothing', async () => {
  const body = encodeConfirmations([settled()])
  const header = await signed(body)
  await send(body, header)
  const before = await dumpObject(device)
  for (let i = 0; i < 3; i++) expect((await send(body, header)).status).toBe(200)
  expect(await dumpObject(device)).toBe(before)
})

it('without the key’s signature over this very call nothing is believed', async () => {
  const body = encodeConfirmations([settled()])
  const other = encodeConfirmations([settled({ rev: 2 } as never)])
  const before = await dumpObject(device)
  const minutes = (count: number) => Date.now() + count * 60_000
  const stranger = await importHmacKey(randomBytes(32))
  const good = await signed(body)
  const headers: Record<string, string | undefined> = {
    none: undefined,
    empty: '',
    garbage: 'x',
    'another key': await signServiceCall(stranger, { method: 'POST', path: PATH, body }, Date.now()),
    'another body': await signed(other),
    'another path': await signed(body, Date.now(), '/internal/other'),
    'another method': await signed(body, Date.now(), PATH, 'PUT'),
    'a path with query': await signed(body, Date.now(), `${PATH}?x=1`),
    'six minutes old': await signed(body, minutes(-6)),
    'six minutes early': await signed(body, minutes(6)),
    'another time': good.replace(/t=\d+/, `t=${Date.now() + 1000}`),
    'a cut signature': good.slice(0, -1),
    'an altered signature': good.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')),
    'two signatures': `${good},${good}`,
  }
  for (const [what, header] of Object.entries(headers))
    await expectRefusal(await send(body, header), 'unauthorized', what)
  await expectRefusal(await send(other, good), 'unauthorized', 'the body exchanged')
  await expectRefusal(await send(body, good, `${PATH}?x=1`), 'unauthorized', 'a query added')
  expect(await dumpObject(device)).toBe(before)
  expect((await send(body, await signed(body, minutes(-4)))).status, 'four minutes old').toBe(200)
})

it('of a call whose header cannot be right no byte is read', async () => {
  const body = new Uint8Array()
  const good = await signed(body)
  const old = await signed(body, Date.now() - 6 * 60_000)
  for (const header of [undefined, '', 'x', good.slice(0, -1), good.replace('v1', 'v2'), old]) {
    let pulled = 0
    const stream = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 })
    const headers = header === undefined ? {} : { [SERVICE_HEADER]: header }
    const init = { method: 'POST', headers, body: stream, duplex: 'half' } as RequestInit
    await expectRefusal(await fetchWith({}, PATH, init), 'unauthorized', header)
    expect(pulled, header).toBe(0)
  }
})

it('a call that is signed and malformed is refused whole', async () => {
  const before = await dumpObject(device)
  const good = settled()
  const bodies: Record<string, Uint8Array> = {
    nothing: new Uint8Array(),
    garbage: randomBytes(20).fill(0xff, 0, 1),
    'no device': encodeCbor(new Map()),
    'no map': encodeCbor([1]),
    'a cut map': encodeConfirmations([good]).slice(0, -1),
    'what is no device id': encodeCbor(new Map([['../x', new Uint8Array(1)]])),
    'no bytes of a device': encodeCbor(new Map([[device.id as string, 1]])),
  }
  for (const [what, body] of Object.entries(bodies)) {
    await expectRefusal(await send(body, await signed(body)), 'invalid_request', what)
  }
  expect(await dumpObject(device)).toBe(before)
})

it('what is malformed about one device is answered for that one, and holds up no other', async () => {
  const other = await registered()
  const fine = new Map([
    ...splitConfirmations(encodeConfirmations([{ kind: 'device_recorded', deviceId: other.id, rev: 1 }])),
  ])
  const item = (...fields: [number, number | Uint8Array][]) => encodeCbor([new Map(fields)])
  const bad: Record<string, Uint8Array> = {
    nothing: new Uint8Array(),
    garbage: randomBytes(20).fill(0xff, 0, 1),
    'an empty list': encodeCbor([]),
    'an unknown kind': item([0, 99], [1, 1]),
    'revision 0': item([0, 1], [1, 0]),
    'outcomes that are no list': item([0, 3], [1, made.header.bundleId], [2, 1], [3, 1], [4, encodeCbor(7)]),
  }
  const before = await dumpObject(device)
  for (const [what, own] of Object.entries(bad)) {
    const body = encodeCbor(new Map<string, Uint8Array>([[device.id, own], ...fine]))
    const response = await send(body, await signed(body))
    expect(await response.json(), what).toEqual({ devices: { [device.id]: 'malformed', [other.id]: 'confirmed' } })
  }
  expect(await dumpObject(device)).toBe(before)
})

it('a body of more than 4 MiB is not read', async () => {
  const body = new Uint8Array(4 * 1024 * 1024 + 1)
  await expectRefusal(await send(body, await signed(body)), 'bundle_too_large')
})
