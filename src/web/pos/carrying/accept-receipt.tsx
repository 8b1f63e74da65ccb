import { useState } from 'react'
import { OfflineError } from '../../../device/sdk/index.ts'
import { OfflineErrorNotice } from '../../../ui/index.ts'
import { PartScanner } from '../../shared/scan/part-scanner.tsx'
import { useTill } from '../till-context.tsx'

/** What came of a scanned receipt: so many payments are received now, or why none is. */
export type Accepted = { readonly payments: number } | { readonly error: OfflineError }

interface AcceptReceiptProps {
  /** Hears undefined when another one is about to be scanned. */
  readonly onAccepted: (accepted: Accepted | undefined) => void
}

/**
 * Scans the receipt that another phone brings back. It makes the payments received, not paid; a wrong one changes nothing,
 * and without one the till's own sync does the same later.
 */
export function AcceptReceipt({ onAccepted }: AcceptReceiptProps) {
  const { sdk, words } = useTill()
  const [scanning, setScanning] = useState(false)
  const accept = async (receipt: Uint8Array) => {
    setScanning(false)
    try {
      onAccepted({ payments: (await sdk.acceptRelayedReceipt(receipt)).length })
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      onAccepted({ error })
    }
  }
  const scan = () => {
    onAccepted(undefined)
    setScanning(true)
  }
  return (
    <>
      <button type="button" className="molam-button" onClick={scan}>
        {words.carry.scanReceipt}
      </button>
      {scanning && (
        <PartScanner
          wanted="receipt"
          title={words.carry.scanReceipt}
          hint={words.carry.receiptHint}
          onWhole={(receipt) => void accept(receipt)}
          onClose={() => setScanning(false)}
        />
      )}
    </>
  )
}

export function AcceptedNotice({ accepted }: { readonly accepted: Accepted }) {
  const { carry } = useTill().words
  if ('payments' in accepted) {
    return (
      <p className="pos-acknowledged" role="status">
        {accepted.payments === 0 ? carry.known : carry.acknowledged(accepted.payments)}
      </p>
    )
  }
  if (accepted.error.code !== 'answer_invalid') return <OfflineErrorNotice error={accepted.error} />
  return (
    <p className="app-wrong" role="alert">
      {carry.notOurs}
    </p>
  )
}
