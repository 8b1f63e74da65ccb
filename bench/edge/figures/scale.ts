import { type Device, makeDevices, makePushes } from '../fleet.ts'
import { median } from '../stats.ts'
import { fill, type Stored } from '../stored.ts'
import type { EdgeSubject } from '../subjects/edge.ts'
import { startAll } from '../subjects/subject.ts'
import type { World } from '../world.ts'
import { type Bench, pushAll } from './bench.ts'

/** Push and bundle status with much stored against little: does work grow with what is kept? */
export interface ScaleFigures {
  readonly small: Size
  readonly large: Size
  readonly active: number
  readonly pushRatio: number
  readonly statusRatio: number
}

interface Size {
  readonly bundles: number
  readonly devices: number
  readonly pushesPerS: number
  readonly statusesPerS: number
}

const SMALL = 1000

export async function measureScale(bench: Bench): Promise<ScaleFigures> {
  const { options, say } = bench
  const starting = [bench.edges.start(), bench.edges.start()] as const
  await startAll(starting)
  const [small, large] = [
    new Side(bench, await starting[0], { bundles: SMALL, devices: SMALL, prefix: 'FEW' }),
    new Side(bench, await starting[1], { bundles: options.scale, devices: options.scaleDevices, prefix: 'MANY' }),
  ]
  try {
    say(`${options.scale} stored bundles of ${options.scaleDevices} devices are filled in`)
    await small.fill()
    await large.fill()
    const turn = async (side: Side): Promise<Rates> => ({
      pushesPerS: await side.push(options.scalePushes),
      statusesPerS: await side.statuses(options.scalePushes),
    })
    const rounds: { readonly small: Rates; readonly large: Rates }[] = []
    for (let i = 0; i < options.rounds; i++) {
      // In the order in which they stand: who begins changes.
      if (i % 2 === 0) rounds.push({ small: await turn(small), large: await turn(large) })
      else rounds.push({ large: await turn(large), small: await turn(small) })
      say(`scale, round ${i + 1}`)
    }
    const ratio = (what: keyof Rates) => median(rounds.map(({ small, large }) => large[what] / small[what]))
    return {
      small: small.sizeOf(rounds.map(({ small }) => small)),
      large: large.sizeOf(rounds.map(({ large }) => large)),
      active: options.devices,
      pushRatio: ratio('pushesPerS'),
      statusRatio: ratio('statusesPerS'),
    }
  } finally {
    await small.edge.stop()
    await large.edge.stop()
  }
}

type Rates = Pick<Size, 'pushesPerS' | 'statusesPerS'>

/** An edge with so much stored, and devices of its own that push to it. */
class Side {
  readonly edge: EdgeSubject
  readonly #bench: Bench
  readonly #stored: Stored
  readonly #pace: { readonly kind: 'closed'; readonly concurrency: number }
  #devices: readonly Device[] = []
  #ids: readonly string[] = []

  constructor(bench: Bench, edge: EdgeSubject, stored: Stored) {
    this.edge = edge
    this.#bench = bench
    this.#stored = stored
    this.#pace = { kind: 'closed', concurrency: bench.options.concurrency }
  }

  /** After one push of each device: its row is what is copied. */
  async fill(): Promise<void> {
    const { options } = this.#bench
    this.#devices = await makeDevices(options.devices, `ACTIVE-${this.#stored.prefix}`)
    await this.edge.register(this.#devices)
    await this.push(this.#devices.length)
    this.#ids = fill(await this.edge.d1File(), this.#stored)
  }

  /** @returns answers a second; what they cause is over when this resolves */
  async push(count: number): Promise<number> {
    const pushes = await makePushes(this.#devices, count, this.#bench.world.sealKey)
    const drained = await this.edge.watch()
    const { seconds } = await pushAll(this.#bench, this.edge, pushes, { pace: this.#pace })
    await drained(count)
    return count / seconds
  }

  async statuses(count: number): Promise<number> {
    const { generator, world } = this.#bench
    const requests = statusRequests(this.#ids, count, world)
    const { statuses, seconds } = await generator.run({ port: this.edge.port, requests, pace: this.#pace })
    if (statuses['200'] !== count) throw new Error(`status: ${JSON.stringify(statuses)}`)
    return count / seconds
  }

  sizeOf(rates: readonly Rates[]): Size {
    return {
      ...{ bundles: this.#stored.bundles, devices: this.#stored.devices },
      pushesPerS: median(rates.map(({ pushesPerS }) => pushesPerS)),
      statusesPerS: median(rates.map(({ statusesPerS }) => statusesPerS)),
    }
  }
}

function statusRequests(ids: readonly string[], count: number, { token }: World): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const id = ids[Math.floor(Math.random() * ids.length)] ?? ''
    const head = [`GET /offline/bundles/${id} HTTP/1.1`, 'Host: edge.bench', `Authorization: Bearer ${token}`]
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n`)
  })
}
