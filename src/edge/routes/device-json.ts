import type { AskedConsent } from '../../../durable-objects/country/devices.ts'
import type { ConsentRequest } from '../../../durable-objects/device/consent.ts'
import type { DeviceDescription } from '../../../durable-objects/device/description.ts'
import type { ShownConsents } from '../../../durable-objects/device/shown-consents.ts'
import { toHex } from '../../protocol/bytes.ts'
import type { DeviceRow } from '../store/index-message.ts'

/** What is asked for and was given, with the names of the API. */
export function consentsJson({ asked, code, given }: ShownConsents) {
  return {
    asked: asked && requestJson(asked),
    code: code && {
      no: code.no,
      asked_at: code.askedAtMs,
      until: code.untilMs,
      state: code.state,
      wrong: code.wrong,
    },
    given: given.map((one) => ({
      kid: one.kid,
      asked_by: one.askedBy,
      confirmed_by: one.confirmedBy,
      given_at: one.givenAtMs,
      until: one.untilMs,
      withdrawn_at: one.withdrawnAtMs,
      withdrawn_by: one.withdrawnBy,
      refused_at: one.refusedAtMs ?? null,
    })),
  }
}

const requestJson = (asked: ConsentRequest) => ({
  request: asked.id,
  kid: asked.kid,
  asked_by: asked.askedBy,
  asked_at: asked.askedAtMs,
  until: asked.untilMs,
})

/** What is asked for, in a list over all devices. */
export const askedConsentJson = ({ device, request }: AskedConsent) => ({
  device_id: device.deviceId,
  tenant: device.tenant,
  country: device.country,
  ...requestJson(request),
})

/** A device as it is listed. @param rebuiltAt when the read model was last made again for it */
export const listedJson = (device: DeviceRow, rebuiltAt: number | null) => ({
  device_id: device.deviceId,
  tenant: device.tenant,
  country: device.country,
  status: device.status,
  alg: device.alg,
  kid: device.kid,
  registered_at: device.registeredAt,
  owner_wallet_fault: device.ownerWalletFault,
  rebuilt_at: rebuiltAt,
})

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
    registered_by: device.registeredBy,
    pays_by: {
      // With a fault of the wallet nobody's word counts but the payer's.
      word: device.paysUntilMs === null || device.ownerWalletFault !== null ? 'payer' : 'consent',
      until: device.paysUntilMs,
    },
    consents: consentsJson(device.consents),
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
