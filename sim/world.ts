import { PayerPhone } from '../dev/fleet/payer.ts'
import { newSecrets } from '../dev/secrets.ts'
import { webCryptoSuite } from '../src/crypto/webcrypto.ts'
import type { Fetch } from '../src/device/sdk/index.ts'
import type { ClaimChoice } from '../src/protocol/claims.ts'
import type { Mandate } from '../src/protocol/mandates.ts'
import type { Country } from '../src/protocol/policy.ts'
import type { BookView, SimReconciler } from './book-view.ts'
import type { RowWitness } from './cloudflare/d1-database.ts'
import { openEdge, type SimEdge } from './cloudflare/edge.ts'
import type { WorkerModules } from './cloudflare/loader.ts'
import { received } from './cloudflare/received.ts'
import { Faults } from './faults/faults.ts'
import type { AllFaults } from './faults/kinds.ts'
import { type Agents, enrolAgents } from './people/agents.ts'
import { SimDevice } from './people/device.ts'
import { enterCode } from './people/holders-code.ts'
import type { Household } from './people/household.ts'
import type { SimIssuer } from './people/issuer.ts'
import { newScalar } from './people/keys.ts'
import { customerOf, openWallets, SCARCE, type Wallet } from './people/market.ts'
import { Network } from './people/network.ts'
import { drawChanges, publish } from './people/new-policy.ts'
import { Office } from './people/office.ts'
import { freshPasses } from './people/passes.ts'
import { Receipts } from './people/receipts.ts'
import { Rogue } from './people/rogue.ts'
import { Telephones } from './people/telephones.ts'
import { newestPolicy } from './promises/policies.ts'
import { API_URL, type Secrets } from './settings.ts'
import type { Coverage } from './states/coverage.ts'
import type { Random } from './time/random.ts'
import type { Scheduler } from './time/scheduler.ts'
import type { Trace } from './trace.ts'

/** Everything that there is in a run. */
export interface World {
  readonly apiUrl: string
  readonly scheduler: Scheduler
  readonly faults: AllFaults
  readonly trace: Trace
  readonly edge: SimEdge
  readonly office: Office
  readonly devices: readonly SimDevice[]
  /** Wallet → the phone that confirms payments out of it. */
  readonly phones: ReadonlyMap<string, PayerPhone>
  /** Local id → what a till was told is covered, and the phone's number of the allowance. */
  readonly covered: Map<string, { readonly phone: PayerPhone; readonly no: number }>
  /** The same, of what was taken with a phone after the book had heard that it was stopped. */
  readonly stolen: Map<string, { readonly phone: PayerPhone; readonly no: number }>
  /** Who approves large payments. */
  readonly agents: Agents
  readonly wallets: readonly Wallet[]
  readonly receipts: Receipts
  readonly reconcilers: readonly SimReconciler[]
  readonly book: BookView
  /** Device → what somebody saved of its storage. */
  readonly backups: Map<string, Map<string, string>>
  /** The edge's own keys, with which a promise opens what was admitted. */
  readonly secrets: Secrets
  /** What the run has seen of the states. */
  readonly coverage: Coverage
  /** Wallet → what was in it when it was frozen. */
  readonly frozen: Map<string, number>
  /** Somebody with a device's key and no truth in him. */
  readonly rogue: Rogue
  /** He has a device of another tenant, for the wallet of a customer of this one. */
  readonly outsider: Rogue
  /** Local id of a claim → what its payer said, in whatever order it came. */
  readonly said: Map<string, ReadonlySet<ClaimChoice>>
  /** Wallet → the mandates that its holder signed, the newest last. */
  readonly mandates: Map<string, readonly (Mandate & { readonly saidAtMs: number })[]>
  /** An administrator of this tenant, alone, with a device for the wallet of a customer. */
  readonly loner: Rogue
  /** Several phones of a customer who has no other. */
  readonly household: Household
  /** A customer's new device, which nobody has consented to. */
  readonly newcomer: Rogue
  /** Somebody who has a device for the same customer's wallet. */
  readonly thief: Rogue
  /** Device → the number of the code that it asked for last, as far as it was told. */
  readonly codesAsked: Map<string, number>
  readonly telephones: Telephones
  /** What broke a promise at once, in sentences. */
  readonly wrong: string[]
}

/** The side of the reconciler, with SQL or with the model. */
export interface Books {
  readonly view: BookView
  readonly reconcilers: readonly SimReconciler[]
}
export type OpenBooks = (around: {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly faults: AllFaults
  readonly edge: SimEdge
  readonly secrets: Secrets
  readonly wallets: readonly Wallet[]
  readonly telephones: Telephones
  readonly trace: Trace
  readonly names: readonly string[]
}) => Promise<Books>

const PAYERS = 3
const ROGUE_WALLET = '+221780009000'
/** Chance that a country begins with other rules than those of the first migration. */
const STRICT = 0.5
/** The second device stands where the day begins an hour earlier. */
const countryOf = (n: number): Country => (n === 1 ? 'BJ' : 'SN')

/** Makes a world in which everybody is registered and nothing has happened. Nothing fails yet. */
export async function openWorld(
  size: { readonly devices: number; readonly reconcilers: number },
  {
    scheduler,
    random,
    faults,
    trace,
    issuer,
    worker,
    coverage,
  }: {
    readonly scheduler: Scheduler
    readonly random: Random
    readonly faults: AllFaults
    readonly trace: Trace
    readonly issuer: SimIssuer
    readonly worker: WorkerModules
    readonly coverage: Coverage
  },
  openBooks: OpenBooks,
): Promise<World> {
  const secrets = await newSecrets()
  // Bytes go to the bucket as soon as they may: three months do not pass here.
  const settings = { ENVIRONMENT: 'test', BUNDLE_BYTES_KEPT_DAYS: '0', ...secrets, ...issuer.vars }
  const uncaught = (error: unknown, where: string) =>
    trace.say('the edge', `has an error in ${where}: ${error instanceof Error ? error.message : String(error)}`)
  const witness: RowWitness = (...row) => coverage.row(...row)
  const edge = await openEdge({ scheduler, random, settings, faults, worker, uncaught, witness })
  const wrong: string[] = []
  const atEdge = async (request: Request) => {
    const { method, url } = request
    const answer = await edge.fetch(await received(request))
    // What passes is answered with "retry"; only a statement that D1 does not take is the edge's own fault without one.
    if (answer.status === 500 && !faults.struck.has('d1_row_refused'))
      wrong.push(`${method} ${url} is answered with 500`)
    return answer
  }
  const receipts = new Receipts()
  const office = new Office(API_URL, issuer, atEdge)
  const owners = Array.from({ length: size.devices }, (_, n) => `+22178000${1000 + n}`)
  const wallets = openWallets([...owners, ROGUE_WALLET])
  const names = Array.from({ length: size.reconcilers }, (_, n) => `reconciler ${n + 1}`)
  const telephones = new Telephones()
  const books = await openBooks({
    ...{ scheduler, random: random.stream('books'), faults, edge, secrets, wallets, telephones, trace, names },
  })
  const heard = (path: string, status: number, body: Uint8Array) => {
    if (path === '/offline/push' && status === 200) receipts.heard(body)
  }
  const devices = owners.map((wallet, n) => {
    const id = `POS-${n + 1}`
    const chance = random.stream(id)
    const network = new Network(id, scheduler, chance.stream('network'), faults, atEdge, heard)
    const facts = { apiUrl: API_URL, id, wallet, country: countryOf(n), privateKey: newScalar(chance) }
    return new SimDevice(scheduler, chance, facts, network, coverage)
  })
  for (const country of ['SN', 'BJ'] as const) {
    const chance = random.stream(`policy of ${country}`)
    const now = newestPolicy(edge, country)
    if (chance.chance(STRICT)) await publish(office, now, drawChanges(chance, now))
  }
  const chance = random.stream('rogue')
  const rogue = new Rogue(
    { id: 'ROGUE-1', wallet: ROGUE_WALLET, privateKey: newScalar(chance) },
    { scheduler, random: chance, secrets },
    // Nothing is lost on his way, so that what he was answered is the edge's own word.
    new Network('ROGUE-1', scheduler, chance.stream('network'), new Faults(chance), atEdge, heard),
  )
  const outside = random.stream('outsider')
  const outsider = new Rogue(
    { id: 'OUTSIDE-1', wallet: customerOf(0), privateKey: newScalar(outside) },
    { scheduler, random: outside, secrets },
    new Network('OUTSIDE-1', scheduler, outside.stream('network'), new Faults(outside), atEdge, heard),
  )
  const alone = random.stream('loner')
  const loner = new Rogue(
    { id: 'LONE-1', wallet: customerOf(2), privateKey: newScalar(alone) },
    { scheduler, random: alone, secrets },
    new Network('LONE-1', scheduler, alone.stream('network'), new Faults(alone), atEdge, heard),
  )
  const member = (no: number) => {
    const [id, chance] = [`HOME-${no}`, random.stream(`home ${no}`)]
    return new Rogue(
      { id, wallet: customerOf(PAYERS), privateKey: newScalar(chance) },
      { scheduler, random: chance, secrets },
      new Network(id, scheduler, chance.stream('network'), new Faults(chance), atEdge, heard),
    )
  }
  const household = { first: member(1), second: member(2), third: member(3), words: [] }
  const [newcomer, thief] = ['NEW-1', 'THIEF-1'].map((id) => {
    const own = random.stream(id)
    const network = new Network(id, scheduler, own.stream('network'), new Faults(own), atEdge, heard)
    return new Rogue(
      { id, wallet: customerOf(PAYERS + 1), privateKey: newScalar(own) },
      { scheduler, random: own, secrets },
      network,
    )
  }) as [Rogue, Rogue]
  const { reconcilers } = books
  for (const reconciler of reconcilers) reconciler.start()
  const phones = new Map<string, PayerPhone>()
  const passes = freshPasses(secrets)
  const payers = [...Array.from({ length: PAYERS }, (_, n) => customerOf(n)), SCARCE.wallet]
  for (const [n, wallet] of payers.entries()) {
    const key = newScalar(random.stream(`phone ${n}`))
    const id = `PHONE-${n + 1}`
    phones.set(wallet, new PayerPhone(id, wallet, await webCryptoSuite.es256Signer(key), webCryptoSuite, passes))
    await office.register(id, 'SN', wallet, key)
  }
  const direct: Fetch = (url, init) => atEdge(new Request(url, init as RequestInit))
  await Promise.all(
    [...phones].map(async ([wallet, { deviceId: id, signer }]) => {
      const came = await enterCode({ scheduler, telephones }, { id, wallet, signer }, direct)
      if (came !== 'accepted') throw new Error(`the code of ${id}: ${came}`)
    }),
  )
  const agents = await enrolAgents(office, random.stream('agents'))
  for (const device of devices) {
    await office.register(device.id, device.facts.country, device.facts.wallet, device.privateKey)
    await office.consent(device.id)
    await device.sdk.initialize()
  }
  const { view: book } = books
  const backups = new Map<string, Map<string, string>>()
  return {
    ...{
      apiUrl: API_URL,
      scheduler,
      faults,
      trace,
      edge,
      office,
      devices,
      phones,
      agents,
      wallets,
      receipts,
      reconcilers,
      book,
      backups,
      secrets,
      rogue,
      outsider,
      loner,
      household,
      newcomer,
      thief,
      codesAsked: new Map(),
      telephones,
      frozen: new Map(),
      covered: new Map(),
      stolen: new Map(),
      said: new Map(),
      mandates: new Map(),
      coverage,
      wrong,
    },
  }
}
