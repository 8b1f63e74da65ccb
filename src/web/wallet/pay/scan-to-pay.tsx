import { useState } from 'react'
import type { Profile } from '../../../device/sdk/index.ts'
import { kindOf } from '../../shared/scan/code.ts'
import { paymentRequestIn } from '../../shared/scan/request.ts'
import { Scanner } from '../../shared/scan/scanner.tsx'
import { useWallet } from '../wallet-context.tsx'

interface ScanToPayProps {
  readonly profile: Profile
  readonly onRequest: (request: Uint8Array) => void
  readonly onAccount: (text: string) => void
}

/** The camera first: what a till asks, or the number of another phone. Other codes are called by their name, and cost nothing. */
export function ScanToPay({ profile, onRequest, onAccount }: ScanToPayProps) {
  const { pay, scan } = useWallet().words
  const [scanning, setScanning] = useState(false)
  const [note, setNote] = useState<string>()
  const read = (text: string) => {
    const request = paymentRequestIn(text)
    if (request !== undefined) return onRequest(request)
    const kind = kindOf(text, profile.policy.country)
    if (kind !== 'account') return setNote(scan.kinds[kind])
    setScanning(false)
    onAccount(text)
  }
  const open = () => {
    setNote(undefined)
    setScanning(true)
  }
  return (
    <>
      <button type="button" className="molam-button molam-primary" onClick={open}>
        {pay.scan}
      </button>
      {scanning && (
        <Scanner title={pay.scan} hint={pay.scanning} note={note} onRead={read} onClose={() => setScanning(false)} />
      )}
    </>
  )
}
