import { Hono } from 'hono'
import { toBase64url, toHex } from '../protocol/bytes.ts'
import { parseSign1 } from '../protocol/cose.ts'
import { localId, parseUlid } from '../protocol/ids.ts'
import { decodeReceipt } from '../protocol/receipt.ts'
import { findBundles } from '../store/bundles.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'
import { authenticate, seesTenant } from './auth.ts'

/** Bundles as the read model shows them: decisions and outcomes, no parties. */
export const bundleRoutes = new Hono<App>().get('/offline/bundles/:bundle_id', async (c) => {
  const person = await authenticate(c, ['pay_reviewer', 'pay_auditor'])
  if (!person.ok) return refuse(c, person.error)
  const bundleId = c.req.param('bundle_id')
  if (parseUlid(bundleId) === undefined) return refuse(c, { code: 'not_found' })
  const found = await findBundles(c.env.DB, bundleId, c.req.query('device_id'))
  const [row, ...others] = found.filter(({ tenant }) => seesTenant(person.value, tenant))
  if (row === undefined) return refuse(c, { code: 'not_found' })
  if (others.length > 0) {
    return refuse(c, { code: 'invalid_request', detail: 'several devices have a bundle of this id: add ?device_id=' })
  }
  const receipt = decodeReceipt(parseSign1(new Uint8Array(row.receipt)).payload)
  return c.json({
    bundle_id: row.bundleId,
    device_id: row.deviceId,
    country: row.country,
    seq: row.seq,
    status: row.status,
    digest: toHex(receipt.digest),
    currency: row.currency,
    admitted_count: row.admittedCount,
    admitted_amount: row.admittedAmount,
    policy_version: row.policyVersion,
    risk: { score: row.riskScore, reasons: row.riskReasons },
    received_at: row.receivedAt,
    updated_at: row.updatedAt,
    payments: row.payments.map(([counter, status, reason]) => ({
      local_id: localId(row.deviceId, counter),
      status,
      ...(reason !== undefined && { reason }),
    })),
    bundle: toBase64url(new Uint8Array(row.bundle)),
    receipt: toBase64url(new Uint8Array(row.receipt)),
  })
})
