import type pg from 'pg'
import { record } from '../audit.ts'
import { transact } from '../db.ts'
import { announce } from '../tell/outbox.ts'
import { lockDevices } from './lock-devices.ts'

/**
 * A device may be registered for a wallet that the ledger has no account for. Nothing of it could be posted, so the edge
 * is told with the device's confirmation, and told again once the account is there.
 */
export type WalletState = 'known' | 'unknown'

/** SQL: to a device a system account is as good as none. */
export const hasAccount = (wallet: string) =>
  `EXISTS (SELECT FROM wallet_core.accounts a WHERE a.wallet_id = ${wallet} AND a.kind <> 'system')`

/** Devices in one transaction. */
const BATCH_MAX = 100

/** Looks which devices' wallets have come into the ledger since. @returns how many */
export async function findOpenedWallets(pool: pg.Pool, nowMs: number): Promise<number> {
  const { rows } = await pool.query<{ device_id: string }>(
    `SELECT d.device_id FROM offline_devices d WHERE NOT d.wallet_known AND ${hasAccount('d.owner_wallet')} LIMIT $1`,
    [BATCH_MAX],
  )
  if (rows.length === 0) return 0
  const at = new Date(nowMs)
  return transact(pool, async (client) => {
    const deviceIds = rows.map(({ device_id }) => device_id)
    await lockDevices(client, deviceIds)
    // Again, under the locks: a newer registration may name another wallet.
    const { rows: changed } = await client.query<{ device_id: string }>(
      `UPDATE offline_devices d SET wallet_known = true
       WHERE d.device_id = ANY ($1) AND NOT d.wallet_known AND ${hasAccount('d.owner_wallet')} RETURNING d.device_id`,
      [deviceIds],
    )
    const devices = changed.map(({ device_id: deviceId }) => ({ deviceId }))
    if (devices.length === 0) return 0
    await record(
      client,
      devices.map(({ deviceId }) => ({ deviceId, action: 'wallet_opened', detail: {} })),
      at,
    )
    await announce(client, devices, at)
    return devices.length
  })
}
