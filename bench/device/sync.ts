import { generateKeyPairSync } from 'node:crypto'
import { type FaultProxy, startFaultProxy } from '../../dev/fault-proxy.ts'
import { registerDevice } from '../../dev/fleet/admin.ts'
import { memoryStorage, OfflineSDK } from '../../src/device/sdk/index.ts'
import { type Device, makeDevices } from '../edge/fleet.ts'
import { median, round } from '../edge/stats.ts'
import { type EdgeSubject, startEdgeSubject } from '../edge/subjects/edge.ts'
import { openWorld, type World } from '../edge/world.ts'
import type { Options } from './options.ts'
import { SHOP, takings } from './payments.ts'
import { plainForm } from './plain-form.ts'
import { bytes, ms, type Row } from './report.ts'
import { startSink } from './sink.ts'

/** A phone at the edge of a cell: the link of the figures below. */
const ROUND_TRIP_MS = 600
const BYTES_PER_SECOND = 50_000 / 8
const PAYMENTS = 50

interface Sync {
  readonly ms: number
  /** Both directions, HTTP headers and whatever had to be sent again included. */
  readonly bytes: number
  readonly cut: boolean
}

export const syncNotes = ({ cutEvery }: Options): readonly string[] => [
  `The link: ${ROUND_TRIP_MS} ms round trips, 50 kbit/s each way, and the answer of exchange ${cutEvery} and its multiples lost with its connection; each side has its own. TCP and TLS handshakes, the same for both, are not in it. Both send again at once.`,
  'The plain form’s sink opens the envelope and answers with a few bytes, unsigned; the edge is the real one in workerd, and its answer is a signed receipt with a signed notice.',
]

/** Time and bytes until a device knows that its 50 payments have arrived, over a bad link. */
export async function measureSync(options: Options, project: string): Promise<readonly Row[]> {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const [world, sink] = await Promise.all([openWorld(), startSink(rsa.privateKey)])
  const edge = await startEdgeSubject(world, project)
  const [toEdge, toSink] = await Promise.all([badLink(edge.port, options), badLink(sink.port, options)])
  try {
    const bundles: Sync[] = []
    const plain: Sync[] = []
    for (const device of await makeDevices(options.syncs, 'POS-BENCH')) {
      const { sdk, sync } = await deviceWithPayments(device, edge, world, toEdge.url)
      bundles.push(await over(toEdge, sync))
      await sdk.destroy()
      plain.push(
        await over(toSink, () =>
          pushPlain(toSink.url, plainForm(takings(PAYMENTS, 'different'), { recipient: rsa.publicKey, signer })),
        ),
      )
    }
    return rows(bundles, plain)
  } finally {
    await Promise.all([toEdge.close(), toSink.close()])
    sink.close()
    await edge.stop()
    await world.close()
  }
}

const badLink = (port: number, { cutEvery }: Options): Promise<FaultProxy> =>
  startFaultProxy({
    target: { port },
    conditions: {
      roundTripMs: ROUND_TRIP_MS,
      bytesPerSecond: BYTES_PER_SECOND,
      cut: { lose: 'answer', every: cutEvery },
    },
    random: Math.random,
  })

/** A device that was in contact over a good network and has taken its payments since. */
async function deviceWithPayments(device: Device, edge: EdgeSubject, world: World, linkUrl: string) {
  await registerDevice(edge.url, world.token, {
    deviceId: device.id,
    country: 'SN',
    ownerWallet: SHOP,
    signer: device.signer,
  })
  const common = {
    deviceId: device.id,
    storage: memoryStorage(),
    atRest: 'none',
    keyStore: { load: async () => ({ status: 'ready', signer: device.signer }) as const },
    behavior: 'force_offline',
  } as const
  const shop = new OfflineSDK({ ...common, apiUrl: edge.url })
  await shop.initialize()
  for (const terms of takings(PAYMENTS, 'different')) await shop.createOfflineTransaction(terms)
  await shop.destroy()
  const sdk = new OfflineSDK({ ...common, apiUrl: linkUrl })
  await sdk.initialize()
  if (sdk.state.unsynced !== PAYMENTS) throw new Error(`${sdk.state.unsynced} payments wait`)
  const sync = async () => {
    for (;;) {
      const report = await sdk.syncNow()
      if (report.status === 'done' && report.unsynced === 0) return
      // The connection that was cut; everything else is a fault of the bench.
      if (report.error?.code !== 'network_failed') throw report.error ?? new Error('payments are left')
    }
  }
  return { sdk, sync }
}

async function pushPlain(url: string, body: Buffer): Promise<void> {
  for (;;) {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(body),
      })
      const { accepted } = (await answer.json()) as { accepted: number }
      if (accepted !== PAYMENTS) throw new RangeError(`${accepted} arrived`)
      return
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
}

async function over({ bytes, counts }: FaultProxy, sync: () => Promise<void>): Promise<Sync> {
  const before = { sum: bytes.fromClient + bytes.toClient, lost: counts.lostAnswers, at: performance.now() }
  await sync()
  const afterMs = performance.now() - before.at
  return { ms: afterMs, bytes: bytes.fromClient + bytes.toClient - before.sum, cut: counts.lostAnswers > before.lost }
}

function rows(bundles: readonly Sync[], plain: readonly Sync[]): readonly Row[] {
  const row = (what: string, of: (syncs: readonly Sync[]) => number, unit: (value: number) => string): Row => {
    const [plainForm, bundle] = [of(plain), of(bundles)]
    return {
      figure: `${what}, plain form by bundle`,
      value: `${round(plainForm / bundle, 1)} ×`,
      beside: `plain form ${unit(plainForm)}, bundle ${unit(bundle)}`,
      numbers: { ratio: plainForm / bundle, plainForm, bundle },
    }
  }
  const cut = (syncs: readonly Sync[]) => median(syncs.filter((sync) => sync.cut).map((sync) => sync.ms))
  const mean = (syncs: readonly Sync[]) => syncs.reduce((sum, sync) => sum + sync.bytes, 0) / syncs.length
  return [
    row(
      `time to sync ${PAYMENTS} payments, median of ${bundles.length}`,
      (syncs) => median(syncs.map((sync) => sync.ms)),
      ms,
    ),
    row('time of a sync whose answer was cut', cut, ms),
    row('bytes of a sync both ways, mean', mean, bytes),
  ]
}
