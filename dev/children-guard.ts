import { createInterface } from 'node:readline'

/**
 * Ends the processes that it was told of when its input ends, which is when whoever told is gone (children.ts). A line is
 * `start <pid>` or `end <pid>`.
 */
const GRACE_MS = 5_000
const EVERY_MS = 100
const living = new Set<number>()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

const reach = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

for await (const line of createInterface(process.stdin)) {
  const [change, pid] = line.split(' ')
  if (change === 'start') living.add(Number(pid))
  else living.delete(Number(pid))
}

for (const pid of living) reach(pid, 'SIGTERM')
const endMs = Date.now() + GRACE_MS
while (Date.now() < endMs && [...living].some((pid) => reach(pid, 0))) {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
}
for (const pid of living) reach(pid, 'SIGKILL')
