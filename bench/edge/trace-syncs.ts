import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SyncTrace {
  /** @returns how often the process waited for a disk, by what the file belongs to; undefined without strace */
  stop(): Promise<ReadonlyMap<string, number> | undefined>
}

/** Counts the fsyncs of a process, by file. Slows it down; never use it where time is measured. */
export async function traceSyncs(pid: number): Promise<SyncTrace> {
  const dir = await mkdtemp(join(tmpdir(), 'molam-strace-'))
  const file = join(dir, 'trace')
  const args = ['-f', '-y', '-e', 'trace=fsync,fdatasync', '-e', 'signal=none', '-o', file, '-p', String(pid)]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => strace.once('close', () => resolve()).once('error', () => resolve()))
  // strace says so on stderr once it is attached; it may also not be there, or not be allowed.
  await Promise.race([ended, new Promise((resolve) => strace.stderr.once('data', resolve))])
  return {
    async stop() {
      strace.kill('SIGINT')
      await ended
      try {
        return tally(await readFile(file, 'utf8'))
      } catch {
        return undefined
      } finally {
        await rm(dir, { recursive: true, force: true })
      }
    },
  }
}

function tally(trace: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const [, path = ''] of trace.matchAll(/f(?:data)?sync\(\d+<([^>]*)>/g)) {
    const owner = ownerOf(path)
    counts.set(owner, (counts.get(owner) ?? 0) + 1)
  }
  return counts
}

function ownerOf(path: string): string {
  const file = path.endsWith('-wal') ? 'log' : path.endsWith('.sqlite') ? 'database' : 'directory'
  if (/metadata/.test(path)) return `alarms: ${file}`
  if (/DeviceObject|FloorDevice/.test(path)) return `device objects: ${file}`
  if (/D1/.test(path)) return `D1: ${file}`
  return `other: ${file}`
}
