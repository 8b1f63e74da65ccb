import type { PassSource } from '../../dev/fleet/payer.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { signPass } from '../../src/crypto/pass.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import type { Secrets } from '../settings.ts'

const DAY_MS = 86_400_000

/** Gives each phone a fresh pass, as if it had just been in contact with the edge: what a pass does not say is the matter here. */
export function freshPasses(secrets: Secrets): PassSource {
  return async (phone, atMs) => {
    const { signer, kid } = await (await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)).receiptSigner()
    const fromMs = 1000 * Math.floor(atMs / 1000)
    return signPass(
      signer,
      kid,
      phone.passAt(fromMs, { paymentMax: amountMinor(10_000_000), untilMs: fromMs + 7 * DAY_MS }),
    )
  }
}
