import type { DeviceDescription } from '../../../durable-objects/device/description.ts'
import { toHex } from '../../protocol/bytes.ts'

/** A device with the names of the API. */
export function descriptionJson(deviceId: string, device: DeviceDescription) {
  return {
    device_id: deviceId,
    status: device.status,
    country: device.country,
    tenant: device.tenant,
    registered_at: device.registeredAtMs,
    owner_wallet_fault: device.ownerWalletFault,
    owner_wallet_masked: device.ownerWalletMasked,
    // Without a fault the device's own word debits its owner's wallet; with one, nobody's but the payer's does.
    pays_by: { word: device.ownerWalletFault === null ? 'registration' : 'payer', registered_by: device.registeredBy },
    key: { kid: toHex(device.kid), alg: device.alg },
    older_keys: device.olderKeys.map(({ kid, alg, state, lastSeq }) => {
      return { kid: toHex(kid), alg, state, last_seq: lastSeq }
    }),
    last_seq: device.head,
    missing_seqs: device.missingSeqs,
    missing_counters: device.missing,
    contradictions: device.contradictions,
    activity: device.activity,
    last_push_at: device.lastPush?.atMs ?? null,
    reputation: device.reputation,
    last_risk_score: device.lastPush?.riskScore ?? null,
    owed: {
      settle: device.owed.settle,
      index: device.owed.index,
      escalations: device.owed.escalations,
      oldest_at: device.owed.oldestMs,
    },
  }
}
