import { AllowanceCount } from '../../dev/fleet/allowance-count.ts'
import type { PassSource, PayerPhone } from '../../dev/fleet/payer.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { signPass } from '../../src/crypto/pass.ts'
import { allowanceFromCbor } from '../../src/protocol/allowances.ts'
import { decodeCbor } from '../../src/protocol/cbor.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import type { SimEdge } from '../cloudflare/edge.ts'
import type { Secrets } from '../settings.ts'

const DAY_MS = 86_400_000

/** Gives each phone a pass, as if it had been in contact with the edge within the last days: what a pass does not say is the matter here. */
export function freshPasses(secrets: Secrets): PassSource {
  const given = new Map<string, { readonly fromMs: number; readonly pass: Uint8Array }>()
  return async (phone, atMs) => {
    const name = `${phone.deviceId} ${phone.held?.no}`
    const before = given.get(name)
    if (before !== undefined && atMs >= before.fromMs && atMs < before.fromMs + 3 * DAY_MS) return before.pass
    const { signer, kid } = await (await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)).receiptSigner()
    const fromMs = 1000 * Math.floor(atMs / 1000)
    const says = phone.passAt(fromMs, { paymentMax: amountMinor(10_000_000), untilMs: fromMs + 7 * DAY_MS })
    const pass = await signPass(signer, kid, says)
    given.set(name, { fromMs, pass })
    return pass
  }
}

/** A phone hears that money is held for it: as its object says, which is later than the book has it. From then on its pass names it. */
export function hearAllowance({ objects }: Pick<SimEdge, 'objects'>, phone: PayerPhone): void {
  const [row] = objects.read(phone.deviceId, 'SELECT standing FROM allowance')
  if (row === undefined) return
  const { no, ceiling, state, untilMs } = allowanceFromCbor(decodeCbor(new Uint8Array(row['standing'] as ArrayBuffer)))
  const [order] = objects.read(
    phone.deviceId,
    'SELECT choice FROM allowance_orders WHERE no = ? ORDER BY rev DESC LIMIT 1',
    no,
  )
  const isOpen = state === 'open' && order?.['choice'] === 'open' && untilMs !== undefined
  if (isOpen && !phone.allowances.has(no)) phone.allowances.set(no, new AllowanceCount({ no, ceiling, untilMs }))
}
