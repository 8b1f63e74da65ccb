/** What a direction of a link does to bytes; read anew for each piece, so that it can change while bytes are under way. */
export interface LineConditions {
  readonly delayMs: number
  /** Unlimited when undefined. */
  readonly bytesPerSecond: number | undefined
}

/** About one TCP segment: a slow line lets bytes through bit by bit and not a whole buffer at once. */
const PIECE_BYTES = 1460

/** When the line of a link is free again; shared by all connections over it, which therefore share its bandwidth. */
export interface LineClock {
  freeAtMs: number
}

/** Passes bytes on in their order, each after its delay and at most at the line's speed. */
export class DelayLine {
  readonly #conditions: () => LineConditions
  readonly #line: LineClock
  readonly #deliver: (bytes: Buffer) => void
  /** In order, run by one timer: with a timer each, two that are due together could run in either order. */
  readonly #queue: { readonly atMs: number; readonly action: () => void }[] = []
  #timer: NodeJS.Timeout | undefined
  #pending = 0

  constructor(conditions: () => LineConditions, line: LineClock, deliver: (bytes: Buffer) => void) {
    this.#conditions = conditions
    this.#line = line
    this.#deliver = deliver
  }

  /** Bytes under way. */
  get pending(): number {
    return this.#pending
  }

  send(bytes: Buffer): void {
    const { delayMs, bytesPerSecond } = this.#conditions()
    const step = bytesPerSecond === undefined ? bytes.length : PIECE_BYTES
    for (let at = 0; at < bytes.length; at += step) {
      const piece = bytes.subarray(at, at + step)
      const sendingMs = bytesPerSecond === undefined ? 0 : (piece.length / bytesPerSecond) * 1000
      this.#line.freeAtMs = Math.max(this.#line.freeAtMs, performance.now()) + sendingMs
      this.#pending += piece.length
      this.#at(this.#line.freeAtMs + delayMs, () => {
        this.#pending -= piece.length
        this.#deliver(piece)
      })
    }
  }

  /** Runs an action after the delay, when everything sent before it has arrived. */
  after(action: () => void): void {
    this.#at(performance.now() + this.#conditions().delayMs, action)
  }

  /** Forgets what is under way. */
  close(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  #at(atMs: number, action: () => void): void {
    this.#queue.push({ atMs, action })
    if (this.#queue.length === 1) this.#wake()
  }

  #wake(): void {
    const [next] = this.#queue
    if (next !== undefined) this.#timer = setTimeout(() => this.#run(), Math.max(0, next.atMs - performance.now()))
  }

  #run(): void {
    // A timer may fire up to a millisecond early; waiting again for the rest is cheaper than being too fast.
    for (let next = this.#queue[0]; next !== undefined && next.atMs <= performance.now(); next = this.#queue[0]) {
      this.#queue.shift()
      next.action()
    }
    this.#wake()
  }
}
