import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

const PARENT = join(import.meta.dirname, 'parent.ts')
/** A whole stack, on a machine that has much else to do. */
const DEADLINE_MS = 600_000

/** Starts a process with children. @returns it, and the ids of the children that it has by then */
async function startParent(args: readonly string[]) {
  const parent = spawn(process.execPath, [PARENT, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  parent.stdout.on('data', (chunk) => {
    said += chunk
  })
  await expect.poll(() => said, { timeout: DEADLINE_MS }).toContain('started')
  const pids = (word: string) => [...said.matchAll(new RegExp(`${word} (\\d+)`, 'g'))].map(([, pid]) => Number(pid))
  const children = () => {
    const ended = new Set(pids('ended'))
    return pids('child').filter((pid) => !ended.has(pid))
  }
  return { parent, children }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const alive = (pids: readonly number[]) => pids.filter(isAlive)

it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('no child outlives a process that %s ends', async (signal) => {
  const { parent, children } = await startParent([])
  // The child, and who watches over it.
  await expect.poll(() => alive(children())).toHaveLength(2)
  parent.kill(signal)
  await expect.poll(() => alive(children())).toEqual([])
})

it('Postgres, workerd, the reconciler and the verifier of a stack end with the process that started them, also by SIGKILL', {
  timeout: DEADLINE_MS,
}, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'molam-children-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await chmod(dir, 0o755)
  const { parent, children } = await startParent([join(dir, 'data')])
  // These four, and who watches over them.
  await expect.poll(() => alive(children())).toHaveLength(5)
  parent.kill('SIGKILL')
  await expect.poll(() => alive(children())).toEqual([])
})
