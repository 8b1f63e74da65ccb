import type { Book } from './pglite.ts'

/** A wallet of the market. */
export interface FundedWallet {
  readonly wallet: string
  readonly kind: 'customer' | 'merchant' | 'agent'
  /** Minor units; 0 for an empty one. */
  readonly amount: number
  /** XOF when left out. */
  readonly currency?: string
  /** That of the market's devices when left out. */
  readonly tenant?: string
}

/** Customers have a telephone, and their wallets are its number. */
const phoneOf = ({ wallet, kind }: FundedWallet) => (kind === 'customer' && wallet.startsWith('+') ? wallet : null)

/**
 * Opens accounts and puts money into them, as the owner of the book. Again with the same reference it changes nothing.
 *
 * @param atMs when the money is posted
 */
export function fundWallets(book: Book, wallets: readonly FundedWallet[], reference: string, atMs: number): void {
  const rows = JSON.stringify(
    wallets.map((wallet, i) => ({ currency: 'XOF', tenant: 'molam', ...wallet, phone: phoneOf(wallet), no: i + 1 })),
  )
  book.asOwner(
    `SELECT wallet_core.open_account(wallet, currency, kind, 'holder:' || wallet, tenant, phone)
     FROM jsonb_to_recordset($1::jsonb) AS w (no bigint, wallet text, currency text, kind text, tenant text, phone text) ORDER BY no`,
    [rows],
  )
  book.asOwner(
    `SELECT wallet_core.fund($2, array_agg(no ORDER BY no), array_agg(wallet ORDER BY no),
                             array_agg(amount ORDER BY no), currency, $3::timestamptz)
     FROM jsonb_to_recordset($1::jsonb) AS w (no bigint, wallet text, currency text, amount bigint)
     WHERE amount > 0 GROUP BY currency ORDER BY currency`,
    [rows, reference, new Date(atMs).toISOString()],
  )
}
