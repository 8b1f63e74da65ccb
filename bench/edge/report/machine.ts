import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { round } from '../stats.ts'

/** Where and of what the results are. */
export interface Machine {
  readonly date: string
  readonly commit: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  readonly node: string
  readonly workerd: string
  /** Of the minute before: above the number of cores, absolutes mean little. */
  readonly loadBefore: number
}

export function machine(project: string): Machine {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim()
  let commit = 'unknown'
  try {
    const isChanged = git('status', '--porcelain', '--', 'src', 'durable-objects', 'bench/**/*.ts') !== ''
    commit = `${git('rev-parse', '--short', 'HEAD')}${isChanged ? ', changed' : ''}`
  } catch {}
  const workerd = execFileSync(join(project, 'node_modules/.bin/workerd'), ['--version'], { encoding: 'utf8' }).trim()
  return {
    date: new Date().toISOString(),
    commit,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    // Its version alone: what follows it names who runs the machine.
    kernel: release().split('-')[0] ?? 'unknown',
    node: process.version,
    workerd,
    loadBefore: round(loadavg()[0] ?? 0, 2),
  }
}
