import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What the kernel says about processes. Linux only. */

/** USER_HZ: the unit of utime and stime in /proc is 10 ms on every Linux that Node runs on. */
const TICK_MS = 10

interface Stat {
  readonly parent: number
  /** utime + stime of all its threads. */
  readonly own: number
  /** The same of its children that have ended and were waited for. */
  readonly ended: number
}

/** The child of this process that listens on a port of loopback. @throws Error when there is none */
export function childListeningOn(port: number): number {
  // proc_net_tcp: the second column is address:port in hex, the fourth 0A for a listening socket, the tenth its inode.
  const sockets = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const socket = sockets.find(([, local, , state]) => local?.endsWith(suffix) && state === '0A')?.[9]
  const child = childrenOf(process.pid).find((pid) => holds(pid, `socket:[${socket}]`))
  if (child === undefined) throw new Error('no workerd of ours: this bench reads /proc and needs Linux')
  return child
}

function holds(pid: number, file: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === file
    } catch {
      // It was closed meanwhile.
      return false
    }
  })
}

/** Processor time of a process, milliseconds. @throws Error when it has gone */
export function cpuMs(pid: number): number {
  return TICK_MS * statOf(pid).own
}

/** Processor time of a process and of all its children, those that have ended too. */
export function familyCpuMs(pid: number): number {
  const { own, ended } = statOf(pid)
  // A child that ends meanwhile is counted when it is waited for.
  const alive = childrenOf(pid).map((child) => readStat(child)?.own ?? 0)
  return TICK_MS * alive.reduce((sum, ticks) => sum + ticks, own + ended)
}

function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => readStat(pid)?.parent === parent)
}

function statOf(pid: number): Stat {
  const stat = readStat(pid)
  if (stat === undefined) throw new Error(`process ${pid} has gone`)
  return stat
}

/** proc(5). @returns undefined when there is no such process */
function readStat(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // After the name, which is in brackets and may hold spaces.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const sum = (first: number) => (fields[first] ?? 0) + (fields[first + 1] ?? 0)
  return { parent: fields[1] ?? 0, own: sum(11), ended: sum(13) }
}
