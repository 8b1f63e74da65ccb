import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { trustedReceiptKeys } from '../../src/crypto/receipt-keys.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { decodePolicyVersion } from '../../src/protocol/policy-version.ts'
import type { SimEdge } from '../cloudflare/edge.ts'
import { disagreements } from '../model/agree.ts'
import { FIRST_POLICIES } from '../model/first-policies.ts'
import { Follower } from '../model/follow.ts'
import { fundedState } from '../model/funded.ts'
import { Recorder } from '../model/recorder.ts'
import { readRows } from '../model/rows.ts'
import type { Wallet } from '../people/market.ts'
import type { Telephones } from '../people/telephones.ts'
import type { Scheduler } from '../time/scheduler.ts'
import type { Book } from './pglite.ts'
import type { DatabaseServer } from './server.ts'

export interface JudgeDeps {
  readonly scheduler: Scheduler
  readonly book: Book
  readonly database: DatabaseServer
  readonly edge: Pick<SimEdge, 'readD1'>
  readonly keys: KeyProvider
  /** What was funded before. */
  readonly wallets: readonly Wallet[]
  readonly telephones: Telephones
  /** Where sentences are added at once about what the model would not have answered. */
  readonly broken: string[]
}

/** The model, which follows the book transaction by transaction and says where the two part. */
export interface Judge {
  /** @returns the same pool, heard by it */
  listen(pool: pg.Pool): pg.Pool
  /** The owner of the book did this to it just now. */
  froze(wallet: string, isFrozen: boolean): void
  /** Holds everything in the book against the model. To be called when no transaction is open. @returns sentences */
  compare(): Promise<readonly string[]>
}

export async function openJudge(deps: JudgeDeps): Promise<Judge> {
  const { scheduler, book, database, edge, keys, wallets, telephones, broken } = deps
  const state = fundedState(wallets, telephones)
  const trusted = await trustedReceiptKeys(keys)
  const follower = new Follower({ state, keys, trusted, policyOf: policiesOf(edge), nowMs: () => scheduler.nowMs })
  const recorder = new Recorder((transaction) => follower.committed(transaction), broken)
  database.onCommit(({ processId }) => recorder.committed(processId))
  return {
    listen: (pool) => recorder.listen(pool),
    froze(wallet, isFrozen) {
      void recorder.inTurn(() => {
        const account = state.book.accounts.get(wallet)
        if (account !== undefined) account.frozen = isFrozen
      })
    },
    compare() {
      const rows = readRows((sql) => book.read(sql))
      return recorder.inTurn(() => disagreements(state, rows))
    },
  }
}

/** As people made them: what the reconciler fetched and kept may be wrong. A version never changes. */
function policiesOf(edge: JudgeDeps['edge']): (country: string, version: number) => Policy | undefined {
  const known = new Map(FIRST_POLICIES.map((policy) => [`${policy.country}/${policy.version}`, policy]))
  const sql = 'SELECT signed FROM offline_policies WHERE country = ? AND version = ?'
  return (country, version) => {
    const key = `${country}/${version}`
    const [row] = known.has(key) ? [] : edge.readD1(sql, country, version)
    if (row !== undefined) known.set(key, policyOf(new Uint8Array(row['signed'] as Uint8Array)))
    return known.get(key)
  }
}

const policyOf = (signed: Uint8Array): Policy => decodePolicyVersion(parseSign1(signed).payload).policy
