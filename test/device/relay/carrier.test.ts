import { beforeEach, expect, it } from 'vitest'
import { signAsEdge } from '../../../src/crypto/sign1.ts'
import { CARRIED_MAX } from '../../../src/device/relay/carried-store.ts'
import type { BundleCarrier } from '../../../src/device/relay/index.ts'
import { Mutex } from '../../../src/device/sdk/store/mutex.ts'
import { parseSign1 } from '../../../src/protocol/cose.ts'
import { decodeNotice, decodePushResponse, encodePushResponse, type Notice } from '../../../src/protocol/notice.ts'
import { PROBLEMS, type ProblemCode } from '../../../src/protocol/problems.ts'
import { encodeReceipt, type Receipt } from '../../../src/protocol/receipt.ts'
import { randomBytes } from '../../kit/device.ts'
import { API, answer, type Fault } from '../sdk/edge.ts'
import { Relay, statusesOf } from './kit.ts'

/** The other phone: what it took over reaches the edge, once, and the receipt comes back. */
let relay: Relay
let carrier: BundleCarrier

beforeEach(async () => {
  relay = await Relay.create()
  carrier = relay.carrier()
})

async function receiptIn(carrying: BundleCarrier): Promise<Uint8Array> {
  const [carried] = await carrying.list()
  if (carried?.state.status !== 'delivered') throw new Error(`not delivered: ${carried?.state.status}`)
  return carried.state.receipt
}

it('a carried bundle is delivered, and the device that pushes the same sealed bytes gets the very same receipt', async () => {
  const made = await relay.bundle()
  expect(await carrier.carry(made.bundle)).toMatchObject({ ok: true, value: { state: { status: 'waiting' } } })
  expect(await carrier.pushCarried()).toEqual({ delivered: 1, refused: 0, waiting: 0 })
  const own = await relay.device.resign(made, { relay: false })
  const answer = await relay.edge.fetch(`${API}/offline/push`, {
    ...{ method: 'POST', headers: {}, body: own.bundle, redirect: 'error', credentials: 'omit', cache: 'no-store' },
  })
  const { receipt } = decodePushResponse(new Uint8Array(await answer.arrayBuffer()))
  expect(await receiptIn(carrier)).toEqual(receipt)
  expect(relay.edge.bundles).toHaveLength(1)
  expect(relay.edge.contradictions).toEqual([])
})

it('scanned again, and after a restart, it is the same; what was delivered is not pushed again', async () => {
  const { bundle } = await relay.bundle()
  await carrier.carry(bundle)
  const [first] = await carrier.list()
  expect(await relay.carrier().carry(bundle)).toEqual({ ok: true, value: first })
  await relay.carrier().pushCarried()
  const receipt = await receiptIn(relay.carrier())
  expect(await carrier.carry(bundle)).toMatchObject({ ok: true, value: { state: { status: 'delivered', receipt } } })
  expect(await carrier.pushCarried()).toEqual({ delivered: 0, refused: 0, waiting: 0 })
  expect(relay.pushes).toBe(1)
})

it('two pushes at once in one tab are one', async () => {
  await carrier.carry((await relay.bundle()).bundle)
  const [one, other] = await Promise.all([carrier.pushCarried(), carrier.pushCarried()])
  expect(one).toEqual(other)
  expect(relay.pushes).toBe(1)
})

it.each<Fault>(['offline', 'lost', 'truncated', 'duplicated', 'portal', { problem: 'temporarily_unavailable' }])(
  'a push that meets %o is made again until there is a receipt, and is admitted once',
  async (fault) => {
    await carrier.carry((await relay.bundle()).bundle)
    relay.edge.faults = [fault, fault]
    for (let i = 0; i < 3; i++) await relay.carrier().pushCarried()
    expect(await statusesOf(carrier)).toEqual(['delivered'])
    expect(relay.edge.bundles).toHaveLength(1)
    expect(relay.edge.contradictions).toEqual([])
  },
)

it('where nobody answers, one try is enough for all; a server that asks to wait is passed on', async () => {
  for (let i = 0; i < 3; i++) await carrier.carry((await relay.bundle()).bundle)
  relay.edge.weather = 'offline'
  expect(await carrier.pushCarried()).toEqual({ delivered: 0, refused: 0, waiting: 3 })
  expect(relay.pushes).toBe(1)
  relay.edge.weather = undefined
  relay.edge.faults = [{ problem: 'rate_limited', retryAfterS: 60 }]
  expect(await carrier.pushCarried()).toEqual({ delivered: 2, refused: 0, waiting: 1, retryAfterMs: 60_000 })
})

const codes = Object.keys(PROBLEMS) as ProblemCode[]
it.each(codes.filter((code) => PROBLEMS[code].next !== 'retry'))(
  '%s is final: shown, and not pushed again',
  async (code) => {
    await carrier.carry((await relay.bundle({ signedAtMs: relay.timeMs - 3_600_000 })).bundle)
    relay.edge.faults = [{ problem: code }]
    expect(await carrier.pushCarried()).toEqual({ delivered: 0, refused: 1, waiting: 0 })
    expect(await carrier.list()).toMatchObject([{ state: { status: 'refused', code } }])
    await relay.carrier().pushCarried()
    expect(relay.pushes).toBe(1)
  },
)

it.each(codes.filter((code) => PROBLEMS[code].next === 'retry'))('%s leaves it waiting', async (code) => {
  await carrier.carry((await relay.bundle()).bundle)
  relay.edge.faults = [{ problem: code }]
  expect(await carrier.pushCarried()).toMatchObject({ refused: 0, waiting: 1 })
})

it('a bundle of a device whose clock is ahead waits until its time has come', async () => {
  await carrier.carry((await relay.bundle({ signedAtMs: relay.timeMs + 3_600_000 })).bundle)
  expect(await carrier.pushCarried()).toEqual({ delivered: 0, refused: 0, waiting: 1 })
  relay.timeMs += 3_600_000
  expect(await carrier.pushCarried()).toEqual({ delivered: 1, refused: 0, waiting: 0 })
})

it.each<[string, Partial<Receipt>]>([
  ['other sealed bytes', { digest: randomBytes(32) }],
  ['another bundle', { bundleId: randomBytes(16) }],
  ['another place in the chain', { seq: 9 }],
])('a receipt for %s is no answer', async (_, over) => {
  await carrier.carry((await relay.bundle()).bundle)
  relay.edge.faults = [
    {
      tamper: async ({ receipt, signer, kid }) => {
        const signed = await signAsEdge(signer, kid, encodeReceipt({ ...receipt, ...over }), 'molam-receipt-v1')
        return encodePushResponse(signed, randomBytes(50))
      },
    },
  ]
  expect(await carrier.pushCarried()).toEqual({ delivered: 0, refused: 0, waiting: 1 })
  expect(await carrier.pushCarried()).toEqual({ delivered: 1, refused: 0, waiting: 0 })
})

it('the edge is asked for the receipt and nothing else, and told who carries', async () => {
  await carrier.carry((await relay.bundle()).bundle)
  await relay.carrier({ deviceId: 'PHONE-7' }).pushCarried()
  const most = '999999999999999'
  const headers = relay.edge.requests[0]?.headers
  expect(headers).toMatchObject({
    'Molam-Carrier': 'PHONE-7',
    'Molam-Policy-Version': most,
    'Molam-Keys-Version': most,
  })
  expect(Object.keys(headers ?? {})).not.toContain('Molam-Cursor')
})

it('a carrier moves no cursor: the outcomes of the device are told to the device, after any carried bundle', async () => {
  relay.edge.settle(1, 'succeeded')
  await carrier.carry((await relay.bundle()).bundle)
  const notices: Notice[] = []
  const carrying = relay.carrier({
    fetch: async (url, request) => {
      const response = await relay.edge.fetch(url, request)
      const body = new Uint8Array(await response.arrayBuffer())
      notices.push(decodeNotice(parseSign1(decodePushResponse(body).notice).payload))
      return answer(response.status, 'application/cbor', body)
    },
  })
  expect(await carrying.pushCarried()).toMatchObject({ delivered: 1 })
  expect(notices).toMatchObject([{ outcomes: [], cursor: 0 }])
  expect(notices[0]?.device).toBeUndefined()
  const own = decodeNotice(parseSign1(await relay.edge.signNotice({ 'Molam-Cursor': '0' })).payload)
  expect(own.outcomes).toMatchObject([{ counter: 1, status: 'succeeded' }])
})

it('what is no bundle for a carrier is not taken, and says why', async () => {
  const { bundle } = await relay.bundle({ relay: false })
  expect(await carrier.carry(bundle)).toEqual({ ok: false, error: 'not_for_relay' })
  for (const bytes of [new Uint8Array(), randomBytes(300), bundle.slice(1), new Uint8Array(70_000)]) {
    expect(await carrier.carry(bytes)).toEqual({ ok: false, error: 'malformed' })
  }
  expect(await carrier.list()).toEqual([])
})

it('a forgery with the names of a carried bundle does not take its place', async () => {
  const made = await relay.bundle()
  await carrier.carry(made.bundle)
  await carrier.carry(made.bundle.with(-1, (made.bundle.at(-1) ?? 0) ^ 1))
  expect(await carrier.pushCarried()).toEqual({ delivered: 1, refused: 1, waiting: 0 })
})

it('a full phone takes no more, and drops nothing that waits; what was answered makes room', async () => {
  for (let i = 0; i < CARRIED_MAX; i++) await carrier.carry((await relay.bundle()).bundle)
  const { bundle } = await relay.bundle()
  expect(await carrier.carry(bundle)).toEqual({ ok: false, error: 'full' })
  expect(await carrier.list()).toHaveLength(CARRIED_MAX)
  relay.edge.faults = [undefined, { problem: 'rate_limited' }]
  await carrier.pushCarried()
  expect(await carrier.carry(bundle)).toMatchObject({ ok: true })
  expect(await carrier.list()).toHaveLength(CARRIED_MAX)
  expect((await statusesOf(carrier)).filter((status) => status === 'waiting')).toHaveLength(2)
})

it('what is too old for any edge is dropped, and its place is free', async () => {
  for (let i = 0; i < CARRIED_MAX; i++) await carrier.carry((await relay.bundle()).bundle)
  relay.timeMs += 24 * 3_600_000
  expect(await carrier.list()).toHaveLength(CARRIED_MAX)
  relay.timeMs++
  expect(await carrier.list()).toEqual([])
  expect(await carrier.pushCarried()).toEqual({ delivered: 0, refused: 0, waiting: 0 })
  expect(relay.pushes).toBe(0)
  expect(await carrier.carry((await relay.bundle({ signedAtMs: relay.timeMs })).bundle)).toMatchObject({ ok: true })
})

it('what is forgotten while it is being pushed stays forgotten', async () => {
  await carrier.carry((await relay.bundle()).bundle)
  const [{ id } = { id: '' }] = await carrier.list()
  const pushing = carrier.pushCarried()
  await carrier.forget(id)
  await pushing
  expect(await carrier.list()).toEqual([])
  expect(relay.items.size).toBe(0)
})

it('two tabs that scan at once under one lock both keep what they took', async () => {
  const mutex = new Mutex()
  const tab = () => relay.carrier({ exclusive: (_, run) => mutex.run(run) })
  const [one, other] = [await relay.bundle(), await relay.bundle()]
  await Promise.all([tab().carry(one.bundle), tab().carry(other.bundle)])
  expect(await carrier.list()).toHaveLength(2)
  await Promise.all([tab().pushCarried(), tab().pushCarried()])
  expect(await statusesOf(carrier)).toEqual(['delivered', 'delivered'])
  expect(relay.edge.bundles).toHaveLength(2)
})

it('the first answer stays: a later refusal of the same bytes does not hide a receipt', async () => {
  await carrier.carry((await relay.bundle({ signedAtMs: relay.timeMs - 1000 })).bundle)
  const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow = relay.carrier({
    fetch: async (url, request) => {
      const response = relay.edge.fetch(url, request)
      asked.resolve()
      await answered.promise
      return response
    },
  })
  relay.edge.faults = [{ problem: 'clock_skew' }]
  const late = slow.pushCarried()
  await asked.promise
  expect(await carrier.pushCarried()).toMatchObject({ delivered: 1 })
  answered.resolve()
  expect(await late).toMatchObject({ refused: 1 })
  expect(await statusesOf(carrier)).toEqual(['delivered'])
})
