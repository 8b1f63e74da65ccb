import type { BundleRow, DeviceRow } from '../../../src/edge/store/index-message.ts'
import { packAdmission, packRisk, packSettlement } from '../../../src/edge/store/packed.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import { prevOf } from '../../../src/protocol/chain.ts'
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
  const admitted = { receivedAt: bundle.receivedAtMs, admittedCount: bundle.admittedCount }
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
    ...admitted,
    admittedAmount: bundle.admittedAmount,
    policyVersion: bundle.policyVersion,
    riskScore: bundle.riskScore,
    riskReasons: packRisk(bundle.riskScore, bundle.riskReasons),
    updatedAt: bundle.updatedAtMs,
    payments: runsOf(bundle.payments),
    digest: prevOf(bundle.digest),
    admittedBy: packAdmission(bundle.admittedBy),
    settlements: bundle.settlements.map((settlement) => packSettlement(admitted, settlement)),
  }
}
