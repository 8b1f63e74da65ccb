import type { BundleRow, DeviceRow } from '../../../src/edge/store/index-message.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { runsOf } from '../../../src/protocol/payment-states.ts'
import type { StoredBundle } from '../bundle.ts'
import type { Device, Owing } from '../device.ts'

/** The rows of D1 that show this object. They hold no parties and no amounts of single payments. */
export function deviceRow(device: Device): DeviceRow {
  return {
    deviceId: device.deviceId,
    tenant: device.tenant,
    country: device.country,
    status: device.status,
    alg: device.alg,
    kid: toHex(device.kid),
    rev: device.rev,
    registeredAt: device.registeredAtMs,
    ownerWalletFault: device.ownerWalletFault,
  }
}

export function bundleRow(device: Owing, bundle: StoredBundle): BundleRow {
  return {
    bundleId: ulidText(bundle.bundleId),
    deviceId: device.deviceId,
    country: device.country,
    tenant: device.tenant,
    seq: bundle.seq,
    status: bundle.status,
    rev: bundle.rev,
    currency: bundle.currency,
    firstCounter: bundle.firstCounter,
    lastCounter: bundle.lastCounter,
    admittedCount: bundle.admittedCount,
    admittedAmount: bundle.admittedAmount,
    policyVersion: bundle.policyVersion,
    riskScore: bundle.riskScore,
    riskReasons: bundle.riskReasons,
    receivedAt: bundle.receivedAtMs,
    updatedAt: bundle.updatedAtMs,
    payments: runsOf(bundle.payments),
    bundle: bundle.bundle,
    receipt: bundle.receipt,
    admittedBy: bundle.admittedBy,
    settlements: bundle.settlements,
  }
}
