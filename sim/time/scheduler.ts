import type { Random } from './random.ts'

/** A task that waits for its time. */
interface Task {
  readonly atMs: number
  /** Decides among tasks of the same moment: drawn, so that every order is tried. */
  readonly tie: number
  readonly no: number
  readonly run: () => void
}

export interface Waiting {
  cancel(): void
}

/** Nothing in the world takes so many steps without an end in sight: something asks for ever. */
const STEPS_MAX = 200_000

/**
 * Decides what runs next. Time is a number that jumps to the next task; between two tasks everything that the last one began
 * runs to where it waits for a task of its own, because nothing in the world waits for anything real. The same seed so
 * gives the same order on every machine.
 */
export class Scheduler {
  nowMs: number
  readonly #startMs: number
  readonly #random: Random
  readonly #heap: Task[] = []
  readonly #cancelled = new Set<number>()
  readonly #afterStep: (() => void)[] = []
  #no = 0
  steps = 0

  constructor(startMs: number, random: Random) {
    this.nowMs = startMs
    this.#startMs = startMs
    this.#random = random
  }

  /** Milliseconds since the world began: a clock that nobody can set. */
  get monotonicMs(): number {
    return this.nowMs - this.#startMs
  }

  /** Runs something later. */
  after(delayMs: number, run: () => void): Waiting {
    const no = ++this.#no
    // What is put off for longer than a timer can hold runs at once in real runtimes; nothing here asks for that.
    const atMs = this.nowMs + Math.max(0, Number.isFinite(delayMs) ? delayMs : 0)
    push(this.#heap, { atMs, tie: this.#random.next(), no, run })
    return { cancel: () => void this.#cancelled.add(no) }
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  /** Called after each step, when all that it began waits. What it throws ends the run. */
  onStep(look: () => void): void {
    this.#afterStep.push(look)
  }

  /**
   * Runs tasks until one of the conditions holds, or nothing is left.
   *
   * @returns whether `isDone` said so
   * @throws what a look after a step threw; SchedulerStuck
   */
  run(isDone: () => boolean, untilMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let isOver = false
      const turn = () => {
        if (isOver) return
        try {
          const answer = this.#step(isDone, untilMs)
          if (answer === undefined) return
          isOver = true
          resolve(answer)
        } catch (error) {
          isOver = true
          reject(error)
        }
      }
      const turns = () => {
        if (isOver) return
        for (let n = 0; n < TURNS; n++) turnOfTheLoop(turn)
        turnOfTheLoop(turns)
      }
      turns()
    })
  }

  /** @returns whether the run has ended because `isDone` said so; undefined while it goes on */
  #step(isDone: () => boolean, untilMs: number): boolean | undefined {
    for (const look of this.#afterStep) look()
    if (isDone()) return true
    const task = this.#take(untilMs)
    if (task === undefined) {
      if (Number.isFinite(untilMs)) this.nowMs = Math.max(this.nowMs, untilMs)
      return false
    }
    if (++this.steps > STEPS_MAX) throw new SchedulerStuck(`more than ${STEPS_MAX} steps`)
    this.nowMs = Math.max(this.nowMs, task.atMs)
    task.run()
    return undefined
  }

  #take(untilMs: number): Task | undefined {
    for (;;) {
      const [next] = this.#heap
      if (next === undefined || next.atMs > untilMs) return undefined
      pop(this.#heap)
      if (!this.#cancelled.delete(next.no)) return next
    }
  }
}

export class SchedulerStuck extends Error {
  override name = 'SchedulerStuck'
}

/** The platform's own, whatever simulated globals are installed later. */
const turnOfTheLoop = setImmediate
/**
 * Tasks that the loop is given at once. Between two of them Node lets all promises go on that can go on; a turn of the whole
 * loop for each would cost more than most tasks do.
 */
const TURNS = 64

const isBefore = (a: Task, b: Task) => a.atMs - b.atMs || a.tie - b.tie || a.no - b.no

function push(heap: Task[], task: Task): void {
  let at = heap.push(task) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    if (isBefore(heap[above] as Task, task) <= 0) break
    heap[at] = heap[above] as Task
    at = above
  }
  heap[at] = task
}

function pop(heap: Task[]): void {
  const last = heap.pop() as Task
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Task, heap[below] as Task) < 0) below++
    if (isBefore(last, heap[below] as Task) <= 0) break
    heap[at] = heap[below] as Task
    at = below
  }
  heap[at] = last
}
