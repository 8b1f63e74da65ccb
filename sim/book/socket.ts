import { EventEmitter } from 'node:events'
import type { Random } from '../time/random.ts'
import type { Scheduler, Waiting } from '../time/scheduler.ts'
import { type DatabaseFault, faultAt, REFUSALS } from './faults.ts'
import type { DatabaseServer } from './server.ts'
import { type Session, type Step, stepOf } from './session.ts'
import { letterOf, sqlOf, startupSettings, welcome } from './wire.ts'

/** One way, without a load. */
const TRAVEL_MS = [0, 3] as const
const SLOW_MS = [2_000, 35_000] as const
const DOWN_MS = [1_000, 300_000] as const

export type Passing = (step: Step, side: 'before' | 'after') => void

/**
 * What node-postgres takes for its socket: the part of `net.Socket` that it uses. What a process wrote before it was killed
 * may still arrive; what comes back then reaches nobody.
 */
export class DatabaseSocket extends EventEmitter {
  writable = true
  /** Milliseconds without a byte until `setTimeout`'s callback; 0 for none. */
  timeout = 0
  readonly #server: DatabaseServer
  readonly #process: string
  readonly #passing: Passing
  readonly #scheduler: Scheduler
  readonly #random: Random
  #session: Session | undefined
  #batch: Uint8Array[] = []
  #underWay = 0
  /** Of a process that is no more: nothing leaves, nothing is told. */
  #severed = false
  #arrives = true
  #lastByteAtMs = 0
  #silence: Waiting | undefined

  constructor(server: DatabaseServer, process: string, passing: Passing = () => undefined) {
    super()
    this.#passing = passing
    this.#server = server
    this.#process = process
    this.#scheduler = server.scheduler
    this.#random = server.random
  }

  connect(): this {
    this.#after(() => {
      if (!this.writable) return
      if (this.#server.isUp) this.emit('connect')
      else this.destroy(broken('ECONNREFUSED', 'connect ECONNREFUSED'))
    })
    return this
  }

  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }

  setTimeout(ms: number, callback?: () => void): this {
    this.timeout = ms
    if (callback) this.on('timeout', callback)
    this.#touched()
    this.#silence?.cancel()
    this.#silence = ms > 0 ? this.#scheduler.after(ms, () => this.#isSilent(ms)) : undefined
    return this
  }

  /** node-postgres writes one message at a time. */
  write(bytes: Uint8Array, written?: () => void): boolean {
    this.#touched()
    if (this.#severed || !this.writable) return false
    if (this.#session === undefined) this.#greet(bytes)
    else {
      const letter = letterOf(bytes)
      if (letter !== 'X') this.#batch.push(bytes)
      if (letter === 'Q' || letter === 'S') this.#send(Buffer.concat(this.#batch.splice(0)))
    }
    if (written) queueMicrotask(written)
    return true
  }

  end(): this {
    return this.destroy()
  }

  destroy(error?: Error): this {
    if (this.#severed || !this.writable) return this
    this.#close()
    queueMicrotask(() => {
      if (this.#severed) return
      if (error) this.emit('error', error)
      this.emit('close')
    })
    return this
  }

  /** The process was killed. */
  sever(): void {
    if (this.#severed) return
    this.#severed = true
    // The network has it, or the process died while it wrote.
    this.#arrives = this.#underWay > 0 && this.#random.chance(0.5)
    if (!this.#arrives) this.#close()
    this.#silence?.cancel()
  }

  #greet(packet: Uint8Array): void {
    const session = this.#server.open(startupSettings(packet), {
      hangUp: (farewell) => {
        if (this.#severed || !this.writable) return
        if (farewell) this.emit('data', farewell)
        this.destroy()
      },
    })
    this.#session = session
    queueMicrotask(() => this.#deliver(welcome(session.processId)))
  }

  #send(batch: Buffer): void {
    const step = stepOf(sqlOf(batch))
    this.#passing(step, 'before')
    if (this.#severed) return
    const fault = faultAt(this.#server.faults, this.#process, step)
    this.#underWay += 1
    this.#after(() => {
      this.#underWay -= 1
      this.#arrive(batch, step, fault)
    })
  }

  #arrive(batch: Buffer, step: Step, fault: DatabaseFault | undefined): void {
    const session = this.#session
    if (session === undefined || !this.#arrives || !this.writable) return
    if (fault === 'database_down') this.#server.down(this.#random.between(...DOWN_MS))
    if (fault === 'database_call_lost') this.destroy(broken('ECONNRESET', 'read ECONNRESET'))
    if (!this.writable) return
    if (fault === 'database_commit_undone') session.spoil()
    this.#server.request(session, batch, fault && REFUSALS[fault], (answer) =>
      this.#answered(session, answer, step, fault),
    )
    if (this.#severed) this.#close()
  }

  #answered(session: Session, answer: Buffer, step: Step, fault: DatabaseFault | undefined): void {
    if (fault === 'database_silent') return
    // Whether a process dies before or after it hears of a statement that is not committed makes no difference.
    if (session.isOpen && fault === undefined) {
      this.#deliver(answer)
      return
    }
    const [leastMs, mostMs] = fault === 'database_slow' ? SLOW_MS : TRAVEL_MS
    this.#scheduler.after(this.#random.between(leastMs, mostMs), () => {
      if (this.#severed || !this.writable) return
      if (fault === 'database_answer_lost') this.destroy(broken('ECONNRESET', 'read ECONNRESET'))
      else this.#passing(step, 'after')
      this.#deliver(answer)
    })
  }

  #deliver(bytes: Buffer): void {
    if (this.#severed || !this.writable) return
    this.#touched()
    this.emit('data', bytes)
  }

  #close(): void {
    this.writable = false
    this.#silence?.cancel()
    if (this.#session) this.#server.close(this.#session)
  }

  #after(run: () => void): void {
    this.#scheduler.after(this.#random.between(...TRAVEL_MS), run)
  }

  #touched(): void {
    this.#lastByteAtMs = this.#scheduler.nowMs
  }

  #isSilent(ms: number): void {
    if (!this.writable) return
    const leftMs = this.#lastByteAtMs + ms - this.#scheduler.nowMs
    if (leftMs <= 0) this.emit('timeout')
    else this.#silence = this.#scheduler.after(leftMs, () => this.#isSilent(ms))
  }
}

const broken = (code: string, message: string) => Object.assign(new Error(message), { code })
