import type pg from 'pg'
import type { WalletState } from '../../src/protocol/owner-wallet.ts'
import { record } from '../audit.ts'
import { transact } from '../db.ts'
import { announce } from '../tell/outbox.ts'
import { lockDevices } from './lock-devices.ts'

/**
 * A device may be registered for a wallet that the ledger has no account for, or one of another tenant's. The edge is told
 * with the device's confirmation, and told again once the account is there. A tenant never changes: what is known once, or
 * foreign, stays so until the device is registered for another wallet.
 */
const IS_THERE = `d.wallet_state = 'unknown' AND offline_wallet_state(d.owner_wallet, d.tenant) <> 'unknown'`

/** Devices in one transaction. */
const BATCH_MAX = 100

/** Looks which devices' wallets have come into the ledger since. @returns how many */
export async function findOpenedWallets(pool: pg.Pool, nowMs: number): Promise<number> {
  const { rows } = await pool.query<{ device_id: string }>(
    `SELECT d.device_id FROM offline_devices d WHERE ${IS_THERE} LIMIT $1`,
    [BATCH_MAX],
  )
  if (rows.length === 0) return 0
  const at = new Date(nowMs)
  return transact(pool, async (client) => {
    const deviceIds = rows.map(({ device_id }) => device_id)
    await lockDevices(client, deviceIds)
    // Again, under the locks: a newer registration may name another wallet.
    const { rows: changed } = await client.query<{ device_id: string; wallet_state: WalletState }>(
      `UPDATE offline_devices d SET wallet_state = offline_wallet_state(d.owner_wallet, d.tenant)
       WHERE d.device_id = ANY ($1) AND ${IS_THERE} RETURNING d.device_id, d.wallet_state`,
      [deviceIds],
    )
    if (changed.length === 0) return 0
    await record(
      client,
      changed.map(({ device_id: deviceId, wallet_state: wallet }) => {
        return { deviceId, action: 'wallet_opened', detail: { wallet } }
      }),
      at,
    )
    const devices = changed.map(({ device_id: deviceId }) => ({ deviceId }))
    await announce(client, devices, at)
    return devices.length
  })
}
