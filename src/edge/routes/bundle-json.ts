import type { BundleRow } from '../store/index-message.ts'

/** What each answer about a bundle says of it, with the names of the API. */
export const bundleJson = ({ bundleId, deviceId, country, tenant, seq, rev, status, currency }: BundleRow) => {
  return { bundle_id: bundleId, device_id: deviceId, country, tenant, seq, rev, status, currency }
}
