import type pg from 'pg'
import type { Subject } from './outbox.ts'

/** Paying devices of one wallet that are told of what others take out of it, the newest of its tenant: a person has one or two. */
const DEVICES_PER_WALLET_MAX = 8

/** What the edge has to be told when what others take out of these wallets has changed: each device of a wallet shows it. */
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

/**
 * Wallets from which these payments are claimed now or were until their device was revoked, to which what a mandate paid was given
 * back, or whose holders have given a word for them.
 */
export async function claimedWallets(
  client: pg.ClientBase,
  payments: readonly { readonly device_id: string; readonly counter: number }[],
): Promise<readonly string[]> {
  if (payments.length === 0) return []
  const { rows } = await client.query<{ sender: string }>(
    `SELECT DISTINCT t.sender
     FROM unnest($1::text[], $2::bigint[]) AS x (device_id, counter)
     CROSS JOIN LATERAL (SELECT * FROM offline_transactions
                         WHERE device_id = x.device_id AND counter = x.counter OFFSET 0) t
     WHERE t.status = 'claimed' OR t.reason IN ('mandated', 'device_revoked')
        OR t.claim_until IS NOT NULL AND t.payer_proven
        OR EXISTS (SELECT FROM offline_payer_authorizations a WHERE a.device_id = t.device_id AND a.counter = t.counter)`,
    [payments.map(({ device_id }) => device_id), payments.map(({ counter }) => counter)],
  )
  return rows.map(({ sender }) => sender)
}

/** @returns the owner's wallet, if others took anything out of it, or wait for its holder's word */
export async function walletsWithClaims(
  client: pg.ClientBase,
  { ownerWallet }: { readonly ownerWallet: string },
): Promise<readonly string[]> {
  const { rowCount } = await client.query(
    `SELECT WHERE EXISTS (SELECT FROM offline_transactions WHERE sender = $1 AND status = 'claimed')
       OR EXISTS (SELECT FROM offline_mandated_payments WHERE wallet = $1)
       OR EXISTS (SELECT FROM offline_newest_debits($1, 1))`,
    [ownerWallet],
  )
  return rowCount === 1 ? [ownerWallet] : []
}
