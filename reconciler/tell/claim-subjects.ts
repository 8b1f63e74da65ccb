import type pg from 'pg'
import type { Subject } from './outbox.ts'

/** Paying devices of one wallet that are told of the claims on it, the newest of its tenant: a person has one or two. */
const DEVICES_PER_WALLET_MAX = 8

/** What the edge has to be told when the claims on these wallets, or what mandates paid, have changed: each device of a wallet shows them. */
export async function claimSubjects(client: pg.ClientBase, wallets: readonly string[]): Promise<readonly Subject[]> {
  if (wallets.length === 0) return []
  const { rows } = await client.query<{ device_id: string }>(
    `SELECT d.device_id
     FROM (SELECT DISTINCT * FROM unnest($1::text[])) AS w (wallet)
     CROSS JOIN LATERAL (SELECT device_id FROM offline_devices
                         WHERE owner_wallet = w.wallet AND status = 'active'
                           AND offline_wallet_state(owner_wallet, tenant) = 'known'
                           AND device_id IN (SELECT device_id FROM offline_consents
                                             WHERE wallet = w.wallet AND withdrawn_at IS NULL AND holds)
                         ORDER BY registered_at DESC, device_id LIMIT $2) d`,
    [wallets, DEVICES_PER_WALLET_MAX],
  )
  return rows.map(({ device_id: deviceId }) => ({ deviceId, claims: true }))
}

/** Wallets from which these payments are claimed now or were until their device was revoked, or to which what a mandate paid was given back. */
export async function claimedWallets(
  client: pg.ClientBase,
  payments: readonly {
    readonly device_id: string
    readonly counter: number
    readonly status: string | null
    readonly reason: string | null
  }[],
): Promise<readonly string[]> {
  const claimed = payments.filter(
    ({ status, reason }) => status === 'claimed' || status === 'reversed' || reason === 'device_revoked',
  )
  if (claimed.length === 0) return []
  const { rows } = await client.query<{ sender: string }>(
    `SELECT DISTINCT sender FROM offline_transactions
     WHERE (device_id, counter) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))
       AND (status = 'claimed' OR reason IN ('mandated', 'device_revoked'))`,
    [claimed.map(({ device_id }) => device_id), claimed.map(({ counter }) => counter)],
  )
  return rows.map(({ sender }) => sender)
}

/** @returns the owner's wallet, if anything is claimed from it, or was paid by its mandates */
export async function walletsWithClaims(
  client: pg.ClientBase,
  { ownerWallet }: { readonly ownerWallet: string },
): Promise<readonly string[]> {
  const { rowCount } = await client.query(
    `SELECT WHERE EXISTS (SELECT FROM offline_transactions WHERE sender = $1 AND status = 'claimed')
       OR EXISTS (SELECT FROM offline_mandated_payments WHERE wallet = $1)`,
    [ownerWallet],
  )
  return rowCount === 1 ? [ownerWallet] : []
}
