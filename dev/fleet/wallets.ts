import pg from 'pg'
import { seededRandom } from '../random.ts'

/** Opens the market's accounts and puts money into them, as the owner of the book. One customer in twenty gets too little. */
export async function fundWallets(
  ownerUrl: string,
  wallets: readonly string[],
  options: { readonly reference: string; readonly seed: number },
): Promise<void> {
  const random = seededRandom(options.seed)
  const kindOf = (wallet: string) => (/-M\d/.test(wallet) ? 'merchant' : /-A\d/.test(wallet) ? 'agent' : 'customer')
  const funded = wallets.map((wallet, index) => {
    const kind = kindOf(wallet)
    const amount = kind === 'agent' ? 5_000_000 : kind === 'merchant' ? 50_000 : customerMoney(random())
    return { wallet, kind, amount, phone: `+22177${String(index).padStart(7, '0')}` }
  })
  const client = new pg.Client(ownerUrl)
  await client.connect()
  try {
    await client.query('BEGIN')
    // A wallet that is there already keeps its holder's number.
    await client.query(
      `SELECT wallet_core.open_account(w, 'XOF', k, 'holder:' || w, 'molam', phone)
       FROM unnest($1::text[], $2::text[], $3::text[]) AS x (w, k, phone)
       WHERE w NOT IN (SELECT wallet_id FROM wallet_core.accounts)`,
      [funded.map(({ wallet }) => wallet), funded.map(({ kind }) => kind), funded.map(({ phone }) => phone)],
    )
    await client.query(`SELECT wallet_core.fund($1, $2, $3, $4, 'XOF', now())`, [
      options.reference,
      funded.map((_, index) => index + 1),
      funded.map(({ wallet }) => wallet),
      funded.map(({ amount }) => amount),
    ])
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
}

/** @param chance 0–1 */
const customerMoney = (chance: number): number => (chance < 0.05 ? 5_000 : 150_000 + Math.floor(chance * 300_000))
