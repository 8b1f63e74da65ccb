import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import pg from 'pg'
import { registerDevice } from '../../dev/fleet/admin.ts'
import { registerPhone } from '../../dev/fleet/holders-code.ts'
import { passesOf } from '../../dev/fleet/pass.ts'
import { PayerPhone } from '../../dev/fleet/payer.ts'
import { seededRandom } from '../../dev/random.ts'
import { type DevSecrets, newSecrets } from '../../dev/secrets.ts'
import { type DatabaseUrls, type Stack, startStack } from '../../dev/stack.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { COUNTRIES, type Country } from '../../src/protocol/policy.ts'
import { ChaosDevice, goodNetwork, noNetwork } from './device.ts'
import { eventually } from './eventually.ts'
import { Market } from './market.ts'
import type { Levers } from './worker/levers.ts'

const ROOT = join(import.meta.dirname, '../..')

export interface WorldOptions {
  readonly devices: number
  readonly reconcilers: number
  readonly seed: number
  readonly database: DatabaseUrls
  readonly secrets?: DevSecrets
  /** Where devices find the edge, when something stands in between. */
  readonly edgeSeenBy?: (edgeUrl: string) => Promise<string>
}

/** The whole stack with a few devices on it, and every lever that chaos needs. */
export class World {
  readonly stack: Stack
  readonly devices: readonly ChaosDevice[]
  readonly market: Market
  readonly book: pg.Pool
  readonly random: () => number
  readonly #dir: string

  private constructor(stack: Stack, dir: string, devices: readonly ChaosDevice[], random: () => number) {
    this.stack = stack
    this.#dir = dir
    this.devices = devices
    this.random = random
    this.market = new Market(
      devices.map(({ wallet }) => wallet),
      random,
    )
    this.book = new pg.Pool({ connectionString: stack.database.owner, max: 4 })
    // A server that is stopped ends its sessions.
    this.book.on('error', () => undefined)
  }

  static async start(options: WorldOptions): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), 'molam-chaos-'))
    const { database, reconcilers } = options
    const secrets = options.secrets ?? (await newSecrets())
    const configs = [leveredConfig(join(dir, 'config')), join(ROOT, 'dev/queue/wrangler.toml')] as const
    const stack = await startStack({ dataDir: dir, secrets, database, reconcilers, configs })
    const seenAt = (await options.edgeSeenBy?.(stack.edge.url)) ?? stack.edge.url
    const random = seededRandom(options.seed)
    const devices = Array.from({ length: options.devices }, (_, n) => {
      const key = Uint8Array.from({ length: 32 }, () => Math.floor(random() * 128))
      return new ChaosDevice(seenAt, `POS-${n}`, `W-MERCHANT-${n}`, key)
    })
    const world = new World(stack, dir, devices, random)
    try {
      await world.#openAccounts()
      await world.#givePhones()
      await world.#enrol()
    } catch (error) {
      await world.stop()
      throw error
    }
    return world
  }

  /** The first contact of every device, where the network is good; then there is none. */
  async #enrol(): Promise<void> {
    const token = await this.stack.issuer.token('chaos', ['pay_admin'])
    const second = await this.stack.issuer.token('order', ['pay_admin'])
    await Promise.all(
      this.devices.map(async (device, n) => {
        const country = COUNTRIES[n % COUNTRIES.length] as Country
        const signer = await webCryptoSuite.es256Signer(device.privateKey)
        await registerDevice(
          this.stack.edge.url,
          token,
          {
            deviceId: device.id,
            country,
            ownerWallet: device.wallet,
            signer,
          },
          second,
        )
        device.carry = goodNetwork
        const { status } = await device.sdk.initialize()
        if (status !== 'ready') throw new Error(`${device.id} is ${status} after its enrolment`)
        device.carry = noNetwork
      }),
    )
  }

  /** Customers have phones, which sign what they pay. */
  async #givePhones(): Promise<void> {
    const token = await this.stack.issuer.token('chaos', ['pay_admin'])
    const phones = new Map<string, PayerPhone>()
    const passes = passesOf(this.stack.edge.url)
    const customers = [...this.market.wallets.keys()].filter((wallet) => !wallet.startsWith('W-MERCHANT'))
    await Promise.all(
      customers.map(async (wallet, n) => {
        const signer = await webCryptoSuite.es256Signer(crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1))
        const deviceId = `TEL-${n}`
        await registerPhone(this.stack, token, { deviceId, country: 'SN', ownerWallet: wallet, signer })
        phones.set(wallet, new PayerPhone(deviceId, wallet, signer, webCryptoSuite, passes))
      }),
    )
    for (const device of this.devices) device.phones = phones
  }

  get deviceIds(): readonly string[] {
    return this.devices.map(({ id }) => id)
  }

  /** Each device takes this many payments, and nothing goes anywhere. */
  async trade(payments: number, devices = this.devices): Promise<void> {
    for (const device of devices) {
      for (let n = 0; n < payments; n++) await device.take(this.market.deal(device.wallet))
    }
  }

  /** A sync with a good network. @throws Error unless everything that waited got its receipt */
  async sync(devices = this.devices): Promise<void> {
    await Promise.all(
      devices.map(async (device) => {
        device.carry = goodNetwork
        const { status, unsynced, error } = await device.sdk.syncNow()
        device.carry = noNetwork
        if (status !== 'done' || unsynced !== 0)
          throw new Error(`${device.id}: ${status}, ${unsynced} left`, { cause: error })
      }),
    )
  }

  /** All devices sync; the book gets everything and the edge is told; and the devices hear of it. */
  async settle(withinMs?: number): Promise<void> {
    await this.sync()
    await this.booked(withinMs)
    await this.sync()
  }

  /** Waits until the book has everything that was receipted, and the edge was told. */
  async booked(withinMs?: number): Promise<void> {
    const receipted = this.devices.flatMap(({ receipts }) => [...receipts.keys()])
    await eventually(
      'every receipted bundle is in the book, and the edge knows',
      async () => {
        const { rows } = await this.book.query<{ missing: number; pending: number; untold: number }>(
          `SELECT (SELECT count(*) FROM unnest($1::text[]) r (id)
                    WHERE NOT EXISTS (SELECT FROM offline_tx_bundles b WHERE b.bundle_id = r.id))::int AS missing,
                  (SELECT count(*) FROM offline_sync_queue WHERE status = 'pending')::int AS pending,
                  (SELECT count(*) FROM offline_outbox WHERE delivered_version < version)::int AS untold`,
          [receipted],
        )
        const [left] = rows
        return left !== undefined && left.missing + left.pending + left.untold === 0
      },
      withinMs,
    )
  }

  /** What the edge's surroundings do wrong from now on. */
  async levers(levers: Partial<Levers>): Promise<void> {
    await this.#pull('levers', { refuses: [], losesIndex: false, ...levers })
  }

  /** The isolate forgets what it read of D1 and of the objects, as a new one would not know it. */
  async forget(): Promise<void> {
    await this.#pull('forget', {})
  }

  /** Runs the alarms of devices now, whenever they are set for. */
  async runAlarms(deviceIds = this.deviceIds): Promise<void> {
    await this.#pull('alarm', deviceIds)
  }

  async loseAlarms(deviceIds = this.deviceIds): Promise<void> {
    await this.#pull('loseAlarm', deviceIds)
  }

  /** When the devices' alarms are set for; null where none is. */
  async alarms(deviceIds = this.deviceIds): Promise<readonly (number | null)[]> {
    return (await this.#pull('alarmAt', deviceIds)) as (number | null)[]
  }

  /** Batches that the index queue has delivered to its consumer. */
  async indexBatches(): Promise<number> {
    return (await this.#pull('batches', null)) as number
  }

  /** Takes the devices' objects out of memory, as far as they are in it. */
  async evict(devices = this.devices): Promise<void> {
    for (const { id } of devices) {
      await this.stack.edge.evict('DeviceObject', { name: id }).catch((error: Error) => {
        if (!error.message.includes('not currently running')) throw error
      })
    }
  }

  d1(): Promise<D1Database> {
    return this.stack.edge.miniflare.getD1Database('DB', 'molam-offline') as unknown as Promise<D1Database>
  }

  /** What dead reconcilers had leased comes up again now, and not in a minute; so does what a living one works on. */
  async endLeases(): Promise<void> {
    await this.stack.queue('POST', 'expire')
    await this.book.query(`UPDATE offline_sync_queue SET next_retry_at = now() WHERE status = 'pending'`)
    await this.book.query('UPDATE offline_outbox SET next_attempt_at = now() WHERE delivered_version < version')
  }

  /** How often a reconciler has come up, by its log. */
  starts(reconciler: number): number {
    const log = readFileSync(join(this.#dir, `reconciler-${reconciler + 1}.log`), 'utf8')
    return log.split('reconciler running').length - 1
  }

  /** Messages that the settle queue holds. */
  async queued(): Promise<number> {
    return ((await this.stack.queue('GET', 'stats')) as { count: number }).count
  }

  async stop(): Promise<void> {
    await this.book.end()
    await this.stack.stop()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #pull(lever: string, body: unknown): Promise<unknown> {
    const answer = await fetch(`${this.stack.edge.url}/chaos/${lever}`, { method: 'POST', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${lever}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  async #openAccounts(): Promise<void> {
    const wallets = [...this.market.wallets]
    const kindOf = (wallet: string) => (wallet.startsWith('W-MERCHANT') ? 'merchant' : 'customer')
    await this.book.query(
      `SELECT wallet_core.open_account(w, 'XOF', k, 'holder:' || w, 'molam', '+2217700' || to_char(no, 'FM00000'))
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS x (w, k, no)`,
      [wallets.map(([wallet]) => wallet), wallets.map(([wallet]) => kindOf(wallet))],
    )
    const funded = wallets.filter(([, balance]) => balance > 0)
    await this.book.query(`SELECT wallet_core.fund('chaos', $1, $2, $3, 'XOF', now())`, [
      funded.map((_, index) => index + 1),
      funded.map(([wallet]) => wallet),
      funded.map(([, balance]) => balance),
    ])
  }
}

/** The edge's own config, with the Worker that has levers in front of it. */
function leveredConfig(dir: string): string {
  mkdirSync(dir, { recursive: true })
  const text = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')
    .replace('main = "src/index.ts"', `main = "${join(ROOT, 'test/chaos/worker/index.ts')}"`)
    .replace('migrations_dir = "', `migrations_dir = "${relative(dir, ROOT)}/`)
  const path = join(dir, 'wrangler.toml')
  writeFileSync(path, text)
  return path
}
