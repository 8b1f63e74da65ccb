import { setTimeout as sleep } from 'node:timers/promises'
import { newSecrets } from '../../dev/secrets.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import { GATEWAY } from '../../test/attacks/ledger/planted.ts'
import { randomBytes, TestDevice } from '../../test/kit/device.ts'
import { phoneOf } from '../../test/kit/payers.ts'
import { makeLiveWorld, type World } from '../../test/reconciler/kit.ts'
import { as, type Database, everybodyAtOnce, openDatabase } from '../../test/reconciler/open-database.ts'
import type { Server } from './server.ts'

/**
 * A book that the reconciler has settled from signed bundles, to be copied, and the bundles that come next: they were
 * signed before anything is measured, and go into each copy.
 */
export interface HonestBook {
  readonly payments: number
  /** Messages of the settle queue, in order. */
  readonly next: readonly Uint8Array[]
  /** A copy of its own, with whoever settles it. */
  copy(name: string): Promise<Copy>
}

export interface Copy {
  readonly database: Database
  readonly world: World
  close(): Promise<void>
}

const PAYMENTS_PER_BUNDLE = 50
const TILLS = 20
const PAYERS = 40
/** Enough for all that a payer pays, many times. */
const FUNDS_MINOR = 1_000_000_000
const BOOK = 'honest'

export async function honestBook(server: Server, payments: number, nextBundles: number): Promise<HonestBook> {
  const { postgres } = server
  const app = await everybodyAtOnce(postgres.adminUrl(), postgres.ownerUrl())
  const settings = { ...(await newSecrets()), ...GATEWAY, QUEUE_POLL_MS: '50' }
  const copy = async (name: string, template = BOOK): Promise<Copy> => {
    await as(postgres.adminUrl(), `CREATE DATABASE ${name} TEMPLATE ${template} OWNER molam_owner`)
    const appUrl = app.replace(/\/[^/]*$/, `/${name}`)
    const database = openDatabase({ appUrl, ownerUrl: postgres.ownerUrl(name), logins: postgres.loginUrls(name) })
    const world = await makeLiveWorld(database, settings)
    return {
      ...{ database, world },
      async close() {
        await world.close()
        await database.end()
        if (name !== BOOK) await as(postgres.adminUrl(), `DROP DATABASE ${name} WITH (FORCE)`)
      },
    }
  }
  const first = await copy(BOOK, 'molam')
  try {
    const bundles = await signedBundles(first, Math.ceil(payments / PAYMENTS_PER_BUNDLE) + nextBundles)
    const settled = bundles.slice(0, bundles.length - nextBundles)
    first.world.network.send(...settled)
    await settleAll(first, settled.length * PAYMENTS_PER_BUNDLE)
    return { payments: settled.length * PAYMENTS_PER_BUNDLE, next: bundles.slice(settled.length), copy }
  } finally {
    await first.close()
  }
}

/** Each till takes turns, with payers who sign what they pay; all of them have been sent for registration before. */
async function signedBundles({ database, world }: Copy, count: number): Promise<readonly Uint8Array[]> {
  const payers = Array.from({ length: PAYERS }, (_, i) => `W-PAYER-${i}`)
  for (const payer of payers) {
    await database.open(payer, FUNDS_MINOR)
    await inWebCrypto(await phoneOf(payer))
  }
  const tills = await Promise.all(Array.from({ length: TILLS }, async () => inWebCrypto(await TestDevice.create())))
  for (const till of tills) {
    await database.open(till.ownerWallet, 0, { kind: 'merchant' })
    world.network.send(await world.facts(till))
  }
  const bundles: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const till = tills[i % TILLS] as TestDevice
    const made = Array.from({ length: PAYMENTS_PER_BUNDLE }, (_, j) =>
      till.payment({ sender: payers[(i + j) % PAYERS] as string, amount: amountMinor(100 + ((i * 7 + j) % 900)) }),
    )
    bundles.push(await world.admit(till, made))
  }
  return bundles
}

/** Signs ten times as fast as the kit's devices do. */
async function inWebCrypto(device: TestDevice): Promise<TestDevice> {
  const signer: Signer = await webCryptoSuite.es256Signer(randomBytes(32))
  return Object.assign(device, { signer, kid: await keyId(webCryptoSuite, signer.key) })
}

/** Without another payment posted. */
const DEADLINE_MS = 60_000

async function settleAll({ database, world }: Copy, payments: number): Promise<void> {
  const stop = new AbortController()
  const running = (await world.reconciler()).run(stop.signal)
  try {
    for (let [endMs, seen] = [Date.now() + DEADLINE_MS, 0]; seen < payments; ) {
      await sleep(100)
      const posted = await postedIn(database)
      if (posted > seen) endMs = Date.now() + DEADLINE_MS
      else if (Date.now() > endMs) throw new Error(`${posted} of ${payments} payments were posted`)
      seen = posted
    }
  } finally {
    stop.abort()
    await running
  }
}

export async function postedIn({ app }: Database): Promise<number> {
  const { rows } = await app.query("SELECT count(*) AS n FROM offline_transactions WHERE status = 'succeeded'")
  return rows[0].n
}
