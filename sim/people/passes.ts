import type { PassSource } from '../../dev/fleet/payer.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { signPass } from '../../src/crypto/pass.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import type { Secrets } from '../settings.ts'

const DAY_MS = 86_400_000

/** Gives each phone a pass, as if it had been in contact with the edge within the last days: what a pass does not say is the matter here. */
export function freshPasses(secrets: Secrets): PassSource {
  const given = new Map<string, { readonly fromMs: number; readonly pass: Uint8Array }>()
  return async (phone, atMs) => {
    const before = given.get(phone.deviceId)
    if (before !== undefined && atMs >= before.fromMs && atMs < before.fromMs + 3 * DAY_MS) return before.pass
    const { signer, kid } = await (await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)).receiptSigner()
    const fromMs = 1000 * Math.floor(atMs / 1000)
    const says = phone.passAt(fromMs, { paymentMax: amountMinor(10_000_000), untilMs: fromMs + 7 * DAY_MS })
    const pass = await signPass(signer, kid, says)
    given.set(phone.deviceId, { fromMs, pass })
    return pass
  }
}
