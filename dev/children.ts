import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { join } from 'node:path'

const GUARD = join(import.meta.dirname, 'children-guard.ts')
const guarded = Symbol.for('molam.children')

/**
 * From now on no child of this process outlives it, whatever ends it, SIGKILL too: a guard process holds a pipe to this
 * process and ends the children when the pipe closes. It knows of each child from the moment of its start, also of those
 * that libraries start (workerd, Chromium). Children of children are for their own parents to end.
 */
export function endChildrenWithThisProcess(): void {
  // Once a process, also where this module is loaded twice.
  if (guarded in globalThis) return
  Object.assign(globalThis, { [guarded]: true })
  let guard: ChildProcess | undefined
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      if (child === guard) return
      guard ??= startGuard()
      const tell = (change: string) => guard?.stdin?.write(`${change} ${child.pid}\n`)
      tell('start')
      child.once('exit', () => tell('end'))
    })
  })
}

/** In a session of its own: what a terminal sends to all its processes is not for the guard. */
function startGuard(): ChildProcess {
  const guard = spawn(process.execPath, [GUARD], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] })
  // Neither the guard nor the pipe keeps this process alive.
  guard.unref()
  const pipe = guard.stdin as NodeJS.WritableStream & { unref?(): void }
  pipe.unref?.()
  pipe.on('error', () => undefined)
  return guard
}
