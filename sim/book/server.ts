import type { Random } from '../time/random.ts'
import type { Scheduler, Waiting } from '../time/scheduler.ts'
import type { DatabaseFaults } from './faults.ts'
import type { Book } from './pglite.ts'
import { Session } from './session.ts'
import { error, type SqlError } from './wire.ts'

export interface DatabaseServerDeps {
  readonly scheduler: Scheduler
  /** A stream of its own: how long things take. */
  readonly random: Random
  readonly book: Book
  readonly faults: DatabaseFaults
}

/** A client's end of a connection, as the server sees it. */
export interface Peer {
  /** The server ends the connection, with its last words. */
  hangUp(farewell?: Buffer): void
}

/** A transaction has ended that may have written something. */
export interface Commit {
  /** Of the session. Whether its client hears of the end is another matter. */
  readonly processId: number
  /** Whether it had a COMMIT of its own; a single statement has none, and moves no money. */
  readonly hadCommit: boolean
  /** What it asked, as SQL. */
  readonly statements: readonly string[]
}

interface Request {
  readonly session: Session
  readonly batch: Buffer
  readonly refusal: SqlError | undefined
  readonly answer: (answer: Buffer) => void
}

/**
 * The server between clients and the book. The book has one connection: a session has it for the length of its
 * transaction, and others wait for it in the order in which they came. So no two transactions run at a time, and what needs two
 * stays in test/chaos.
 */
export class DatabaseServer {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly faults: DatabaseFaults
  readonly #book: Book
  readonly #waiting: Request[] = []
  readonly #peers = new Map<Session, Peer>()
  readonly #whenFree: (() => void)[] = []
  readonly #onCommit: ((commit: Commit) => void)[] = []
  #holder: Session | undefined
  #idle: Waiting | undefined
  #upAtMs = 0
  #sessions = 0

  constructor({ scheduler, random, book, faults }: DatabaseServerDeps) {
    this.scheduler = scheduler
    this.random = random
    this.#book = book
    this.faults = faults
  }

  get isUp(): boolean {
    return this.scheduler.nowMs >= this.#upAtMs
  }

  /** Called after each transaction that may have written something; what is read then is what others see. */
  onCommit(look: (commit: Commit) => void): void {
    this.#onCommit.push(look)
  }

  /**
   * Does something beside all sessions: when no transaction is open, so that nothing of one that is not committed is seen,
   * and what is written stays.
   */
  free<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#whenFree.push(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      })
      this.#beFree()
    })
  }

  #beFree(): void {
    if (this.#holder === undefined) for (const work of this.#whenFree.splice(0)) work()
  }

  /** Every connection ends, and none is taken for that long. */
  down(ms: number): void {
    this.#upAtMs = this.scheduler.nowMs + ms
    for (const [session, peer] of this.#peers) {
      peer.hangUp(error('FATAL', SHUTDOWN))
      this.close(session)
    }
  }

  open(settings: ReadonlyMap<string, string>, peer: Peer): Session {
    const session = new Session(++this.#sessions, this.#book, settings)
    this.#peers.set(session, peer)
    return session
  }

  /** A batch of a session has arrived. `answer` is called when it was carried out. */
  request(session: Session, batch: Buffer, refusal: SqlError | undefined, answer: (answer: Buffer) => void): void {
    this.#waiting.push({ session, batch, refusal, answer })
    this.#work()
  }

  /** The client is gone. What has arrived of it is carried out when its turn comes; what is open then is undone. */
  close(session: Session): void {
    this.#peers.delete(session)
    if (this.#waiting.some((request) => request.session === session)) return
    session.rollback()
    if (this.#holder === session) this.#hold(undefined)
    this.#work()
  }

  #work(): void {
    for (;;) {
      const next = this.#waiting.findIndex(({ session }) => this.#holder === undefined || session === this.#holder)
      const [request] = next < 0 ? [] : this.#waiting.splice(next, 1)
      if (request === undefined) return
      const { session, batch, refusal, answer } = request
      const hadCommit = session.isOpen
      const executed = refusal ? session.refuse(refusal) : session.execute(batch)
      // Before anybody who waits for a free book changes it.
      const { processId, statements } = session
      if (executed.wrote) for (const look of this.#onCommit) look({ processId, hadCommit, statements })
      this.#hold(session.isOpen ? session : undefined)
      if (this.#peers.has(session)) answer(executed.answer)
      else this.close(session)
    }
  }

  /** A transaction that its client has forgotten must not keep all others waiting. */
  #hold(session: Session | undefined): void {
    this.#idle?.cancel()
    this.#idle = undefined
    this.#holder = session
    this.#beFree()
    if (session?.idleMaxMs === undefined) return
    this.#idle = this.scheduler.after(session.idleMaxMs, () => {
      this.#peers.get(session)?.hangUp(error('FATAL', IDLE_IN_TRANSACTION))
      this.close(session)
    })
  }
}

const SHUTDOWN: SqlError = { code: '57P01', message: 'terminating connection due to administrator command' }
const IDLE_IN_TRANSACTION: SqlError = {
  code: '25P03',
  message: 'terminating connection due to idle-in-transaction timeout',
}
