import type { KeptConsent } from '../../src/protocol/consent.ts'
import type { Device, Identity, Owner } from './device.ts'

/** What others may know of a device: whose it is, by which keys it signs, and what lets it pay. */
export function identityOf(device: Device): Identity {
  const { publicKey, alg, kid, status, country, tenant, policy, olderKeys } = device
  return {
    ...{ publicKey, alg, kid, status, country, tenant, policy, ...ownerOf(device) },
    retiring: olderKeys.filter(({ state }) => state === 'retiring'),
    revoked: olderKeys.flatMap(({ state, kid }) => (state === 'revoked' ? [kid] : [])),
  }
}

export const ownerOf = ({ ownerWallet, consents }: Device): Owner => ({ ownerWallet, consents: consents.map(kept) })

const kept = ({ thumbprint, givenAtMs, untilMs, withdrawnAtMs, giver, refusedAtMs }: KeptConsent): KeptConsent => {
  const said = { ...(giver && { giver }), ...(refusedAtMs !== undefined && { refusedAtMs }) }
  return { thumbprint, givenAtMs, untilMs, withdrawnAtMs, ...said }
}
