import { useState } from 'react'
import type { OfflinePayment } from '../../sdk/index.ts'
import { formatAmount, formatTime, MESSAGES } from '../../ui/index.ts'
import { usePreferences } from './preferences.ts'
import { useShop, useTill } from './till-context.tsx'

/** Prints the receipt, or hands it to another app of the phone; where there is none it goes to the clipboard. */
export function ShareReceipt({ payment }: { readonly payment: OfflinePayment }) {
  const { receipt } = useTill().words
  const { locale } = usePreferences()
  const shop = useShop()
  const [copied, setCopied] = useState(false)
  const share = async () => {
    const { localId, amount, currency, status, initiatedAtMs, receiver } = payment
    const text = [
      `${receipt.title} ${localId}`,
      // With its status in the same breath: a shared receipt must not look more final than it is.
      `${formatAmount(amount, currency)} · ${MESSAGES[locale].statuses[status].label}`,
      `${receipt.to} : ${receiver}`,
      formatTime(initiatedAtMs, locale, shop?.policy.timeZone ?? 'UTC'),
    ].join('\n')
    if (navigator.share !== undefined) return navigator.share({ text })
    await navigator.clipboard.writeText(text)
    setCopied(true)
  }
  return (
    <div className="pos-actions">
      <button type="button" className="molam-button" onClick={() => print()}>
        {receipt.print}
      </button>
      {/* Who closes the phone's own dialog has changed their mind; there is nothing to say. */}
      <button type="button" className="molam-button" onClick={() => void share().catch(() => undefined)}>
        {copied ? receipt.copied : receipt.share}
      </button>
    </div>
  )
}
