import type { Book } from './pglite.ts'

/** Settlement is halted by the function that the verifier calls, and goes on as two people's word lets it. */
export function haltBook(book: Book): void {
  book.asOwner("SELECT halt_settlement('by the simulator')")
}

export function resumeBook(book: Book, atMs: number): void {
  const at = [new Date(atMs).toISOString()]
  book.asOwner('UPDATE settlement_halts SET ended_at = $1::timestamptz WHERE ended_at IS NULL', at)
  book.asOwner("UPDATE offline_sync_queue SET next_retry_at = $1::timestamptz WHERE waiting_for = 'settlement'", at)
}

export function countTransfers(book: Book): number {
  const [row] = book.read<{ n: string }>('SELECT count(*) AS n FROM wallet_core.transfers')
  return Number(row?.n)
}
