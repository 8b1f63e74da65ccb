import { parseConfig } from '../../reconciler/config.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import type { BookView, SimReconciler } from '../book-view.ts'
import { BEGINNING } from '../model/funded.ts'
import { servicesOf } from '../services.ts'
import { settingsOf } from '../settings.ts'
import type { Scheduler } from '../time/scheduler.ts'
import type { OpenBooks } from '../world.ts'
import { allowanceRows, spendingRows } from './allowance-rows.ts'
import { brokenAtQuiet } from './checks.ts'
import { brokenNow, movesMoney } from './checks-cheap.ts'
import { Due } from './due.ts'
import { fundWallets } from './fund.ts'
import { countTransfers, haltBook, resumeBook } from './halt.ts'
import { type Judge, openJudge } from './judge.ts'
import { Book } from './pglite.ts'
import { type LogLine, openSimReconciler } from './reconciler.ts'
import { releaseCutOff } from './release.ts'
import { bundleRows, deviceRows, transactionRows, underWay, walletBalances } from './rows.ts'
import { DatabaseServer } from './server.ts'

/** How long a reconciler that died stays away at the most. */
const AWAY_MS_MAX = 3_600_000

/** Opened when this file is loaded: it takes seconds of real time, and a run has none. */
const book = await Book.open()

/** The side of the reconciler with the real SQL and the production reconciler. One run at a time. */
export const openSqlBooks: OpenBooks = async (around) => {
  const { scheduler, random, faults, edge, secrets, wallets, telephones, trace, names } = around
  // Of a run that ended with an error, too.
  book.abandon()
  book.begin(random.between(0, 2 ** 32 - 1))
  const database = new DatabaseServer({ scheduler, random: random.stream('database'), book, faults })
  const broken: string[] = []
  database.onCommit(({ statements }) => {
    if (broken.length === 0 && statements.some(movesMoney)) broken.push(...brokenNow(book))
  })
  const due = new Due({ scheduler, book, database, settle: edge.queues.settle, deadLetters: edge.queues.deadLetters })
  fundWallets(book, wallets, BEGINNING, scheduler.nowMs)
  const keys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
  const judge = await openJudge({ scheduler, book, database, edge, keys, wallets, telephones, broken })
  const config = parseConfig(settingsOf(around))
  const reconcilers = names.map((name): SimReconciler => {
    const chance = random.stream(name)
    const dies = (moment: string) => {
      const isDeath = faults.strikes('reconciler_died', `${name}, ${moment},`)
      if (isDeath) scheduler.after(chance.next() ** 2 * AWAY_MS_MAX, () => reconciler.start())
      return isDeath
    }
    const log = ({ level, message, fields }: LogLine) => {
      if (level === 'warn' || level === 'error')
        trace.say(name, `says (${level}): ${message} ${JSON.stringify(fields)}`)
    }
    const onExit = (fault: string | undefined) => broken.push(`${name} ended: ${fault ?? 'nobody told it to'}`)
    const fetch = servicesOf(around, name)
    const reconciler = openSimReconciler({
      ...{ name, scheduler, random: chance, database, config, fetch, due, dies, log, onExit },
      listen: judge.listen,
    })
    return {
      name,
      get isAlive() {
        return reconciler.isRunning
      },
      start: () => reconciler.start(),
      kill: () => reconciler.kill(),
    }
  })
  return { view: viewOf({ database, judge, broken, keys, due, scheduler }), reconcilers }
}

interface Sides {
  readonly database: DatabaseServer
  readonly judge: Judge
  readonly broken: readonly string[]
  readonly keys: KeyProvider
  readonly due: Due
  readonly scheduler: Scheduler
}

function viewOf({ database, judge, broken, keys, due, scheduler }: Sides): BookView {
  return {
    payments: () =>
      database.free(() =>
        transactionRows(book).map(({ deviceId, counter, ...payment }) => ({
          ...payment,
          localId: `${deviceId}/${counter}`,
        })),
      ),
    bundles: () =>
      database.free(() => new Set(bundleRows(book).map(({ deviceId, bundleId }) => `${deviceId}/${bundleId}`))),
    devices: () => database.free(() => deviceRows(book)),
    allowances: () => database.free(() => allowanceRows(book)),
    spending: () => database.free(() => spendingRows(book)),
    freeze: (wallet, isFrozen) => {
      void database.free(() => {
        book.asOwner("SELECT wallet_core.set_frozen($1, $2, 'user:ops', 'on request')", [wallet, String(isFrozen)])
        judge.froze(wallet, isFrozen)
      })
    },
    halt: async (isHalted) => {
      await database.free(() => (isHalted ? haltBook(book) : resumeBook(book, scheduler.nowMs)))
      due.changed()
    },
    transfers: () => database.free(() => countTransfers(book)),
    release: () => releaseCutOff(database),
    balances: () => database.free(() => walletBalances(book)),
    brokenNow: () => broken,
    brokenAtQuiet: async () => [
      ...broken,
      ...(await database.free(() => brokenAtQuiet(book, keys))),
      ...(await database.free(() => judge.compare())),
    ],
    underWay: () => database.free(() => underWay(book)),
  }
}
