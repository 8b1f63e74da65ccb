import type { Terminal } from './command.ts'

const BAR_CHARS = 24
/** Redrawn at most so often, in milliseconds: a terminal over a slow line should not hold the work up. */
const REDRAW_MS = 100

/** This process's terminal. The result goes to stdout; the progress bar to stderr, when a person looks at it. */
export function processTerminal(): Terminal {
  const { stderr } = process
  let drawnAt = 0
  return {
    env: process.env,
    fetch,
    clock: Date.now,
    random: Math.random,
    stopSignal() {
      const stop = new AbortController()
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
      return stop.signal
    },
    print: (text) => void process.stdout.write(`${text}\n`),
    progress(label, done, total) {
      if (!stderr.isTTY || (Date.now() - drawnAt < REDRAW_MS && done < total)) return
      drawnAt = Date.now()
      const filled = Math.min(BAR_CHARS, Math.round((BAR_CHARS * done) / Math.max(1, total)))
      stderr.write(`\r${'█'.repeat(filled)}${'░'.repeat(BAR_CHARS - filled)} ${done}/${total} ${label}\u001b[K`)
    },
    clear() {
      if (stderr.isTTY) stderr.write('\r\u001b[K')
    },
  }
}
