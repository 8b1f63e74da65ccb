import type { Reconciliation } from './fleet/books.ts'
import type { DayProgress } from './fleet/day.ts'

/** What `npm start` shows: people read stderr, programs the one line on stdout. */
export class DayScreen {
  readonly #json: boolean
  #line = ''

  constructor(json: boolean) {
    this.#json = json
  }

  step(text: string): void {
    this.#write(`· ${text}\n`)
  }

  urls(urls: Readonly<Record<string, string>>): void {
    for (const [name, url] of Object.entries(urls)) this.#write(`  ${name.padEnd(12)} ${url}\n`)
  }

  /** What came to somebody's telephone. */
  text({ to, text }: { readonly to: string; readonly text: string }): void {
    this.#write(`\n  ☎ ${to}: ${text}\n`)
  }

  /** @param wallet of the phone */
  invitations(till: string, phone: string, wallet: string): void {
    this.#write(`
  Take a payment and make one, side by side:
    the till    ${till}
    the phone   ${phone}
  Each is enrolled as you open it. The phone's wallet is ${wallet}, with money in it: the phone may pay once you have typed
  the code that it asks for, which is printed here as what comes to the telephone of the wallet's holder.

`)
  }

  progress({ phase, taken, planned, unsynced, unsettled }: DayProgress): void {
    const done = Math.max(0, taken - unsettled)
    const width = 30
    const filled = Math.round((width * (phase === 'market' ? taken : done)) / Math.max(1, planned))
    const bar = `${'█'.repeat(Math.min(width, filled))}${'░'.repeat(Math.max(0, width - filled))}`
    const text = `${phase === 'market' ? 'market day' : 'settling  '} ${bar} ${taken} taken, ${unsynced} not synced, ${done} settled`
    if (text === this.#line) return
    this.#line = text
    this.#write(process.stderr.isTTY ? `\r${text}\u001b[K` : `${text}\n`)
  }

  result(books: Reconciliation & { readonly asked: number }, seconds: number, settled: boolean): void {
    if (process.stderr.isTTY) this.#write('\n')
    const { posted, failed, refused, waiting, receipts, reasons, ...rest } = books
    this.#write(`
  payments asked   ${rest.asked} = ${rest.payments} taken, in ${rest.bundles} bundles, + ${rest.declined} declined by the devices' own rules
  receipts held    ${receipts}
  in the book      ${posted} posted + ${failed} failed + ${refused} refused + ${waiting} waiting = ${posted + failed + refused + waiting}
  ${settled ? 'lost           ' : 'not in the book'}  ${rest.lost}
  duplicated       ${rest.duplicated}
  ledger sum       ${rest.ledger_sum}
  ${settled ? 'all settled' : 'NOT all settled'} after ${seconds.toFixed(1)} s

`)
    for (const [reason, count] of Object.entries(reasons).sort())
      this.#write(`    ${String(count).padStart(5)}  ${reason}\n`)
    if (!this.#json) return
    const line = {
      ...rest,
      receipts,
      posted,
      failed,
      refused,
      waiting,
      seconds: Math.round(seconds * 10) / 10,
      settled,
      reasons,
    }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }

  #write(text: string): void {
    process.stderr.write(text)
  }
}
