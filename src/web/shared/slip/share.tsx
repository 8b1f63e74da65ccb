import { useState } from 'react'
import type { OfflinePayment } from '../../../device/sdk/index.ts'
import { useTimeFormat } from '../../../ui/hooks.ts'
import { formatAmount, formatParty, MESSAGES } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import { usePreferences } from '../preferences.ts'
import { within } from '../within.ts'

/** Milliseconds: some browsers ask the person, and wait. */
const COPIES_WITHIN_MS = 5_000

/** Prints the receipt, or hands it to another app of the phone; where there is none it goes to the clipboard. */
export function ShareReceipt({ payment }: { readonly payment: OfflinePayment }) {
  const { receipt } = useApp().words
  const { locale } = usePreferences()
  const format = useTimeFormat()
  const [shared, setShared] = useState<'copied' | 'failed'>()
  const share = async () => {
    const { localId, amount, currency, status, initiatedAtMs, receiver } = payment
    const text = [
      `${receipt.title} ${localId}`,
      // With its status in the same breath: a shared receipt must not look more final than it is.
      `${formatAmount(amount, currency)} · ${MESSAGES[locale].statuses[status].label}`,
      receipt.shop(formatParty(receiver)),
      format(initiatedAtMs, 'year'),
    ].join('\n')
    try {
      if (navigator.share !== undefined) return await navigator.share({ text })
      const copying = navigator.clipboard.writeText(text).then(() => 'copied' as const)
      setShared((await within(COPIES_WITHIN_MS, copying)) ?? 'failed')
    } catch (error) {
      // Who closes the phone's own dialog has changed their mind; there is nothing to say.
      if (!(error instanceof DOMException && error.name === 'AbortError')) setShared('failed')
    }
  }
  return (
    <>
      <div className="app-actions">
        <button type="button" className="molam-button" onClick={() => print()}>
          {receipt.print}
        </button>
        <button type="button" className="molam-button" onClick={() => void share()}>
          {shared === 'copied' ? receipt.copied : receipt.share}
        </button>
      </div>
      {shared === 'failed' && (
        <p className="app-note app-wrong" role="alert">
          {receipt.notShared}
        </p>
      )}
    </>
  )
}
