import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { endChildrenWithThisProcess } from './children.ts'

const MAIN = fileURLToPath(new URL('../reconciler/main.ts', import.meta.url))
/** Time that a reconciler has to finish its batch before it is ended the hard way. */
const GRACE_MS = 15_000

/** A reconciler or its verifier as a process of its own, as in production; started again when it dies without being told to. */
export class ReconcilerProcess {
  readonly #env: Readonly<Record<string, string>>
  readonly #log: WriteStream
  #child: ChildProcess
  #stopping = false
  /** How often it died and was started again. */
  restarts = 0

  readonly #command: 'run' | 'verifier'

  constructor(env: Readonly<Record<string, string>>, logPath: string, command: 'run' | 'verifier' = 'run') {
    this.#command = command
    endChildrenWithThisProcess()
    this.#env = env
    this.#log = createWriteStream(logPath, { flags: 'a' })
    this.#child = this.#start()
  }

  #start(): ChildProcess {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...this.#env }
    const child = spawn(process.execPath, [MAIN, this.#command], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.pipe(this.#log, { end: false })
    child.stderr.pipe(this.#log, { end: false })
    child.once('exit', () => {
      if (this.#stopping) return
      this.restarts++
      this.#child = this.#start()
    })
    return child
  }

  /** SIGKILL, wherever it is; it comes up again by itself. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
      await exited
      clearTimeout(timer)
    }
    await new Promise((resolve) => this.#log.end(resolve))
  }
}
