import { useEffect, useRef, useState } from 'react'
import type { OfflineError } from '../../../device/sdk/index.ts'
import { toBase64url } from '../../../protocol/bytes.ts'
import { OfflineErrorNotice } from '../../../ui/index.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { GiveUp } from '../../shared/give-up.tsx'
import { usePressable } from '../../shared/pressable.ts'
import { KindScanner } from '../../shared/scan/kind-scanner.tsx'
import { StepBack } from '../pay/step-back.tsx'
import { useBrightScreen } from '../pay/use-bright-screen.ts'
import { useWallet } from '../wallet-context.tsx'

interface ShowRequestProps {
  readonly amount: number
  readonly currency: string
  readonly request: Uint8Array
  readonly taking: boolean
  readonly error: OfflineError | undefined
  readonly onScanned: (text: string) => void
  readonly onAgain: () => void
  readonly onGiveUp: () => void
  readonly onBack: () => void
}

/** What the other phone scans; then this one scans what it answers. */
export function ShowRequest(props: ShowRequestProps) {
  const { amount, currency, request, taking, error, onScanned, onAgain, onGiveUp, onBack } = props
  const { receive } = useWallet().words
  const [scanning, setScanning] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const pressable = usePressable()
  const ready = pressable && !taking
  useBrightScreen()
  useEffect(() => heading.current?.focus(), [])
  return (
    <div className="app-stack wallet-answer" data-pressable={pressable}>
      <StepBack onBack={onBack} busy={taking} />
      <h2 ref={heading} tabIndex={-1}>
        {receive.show}
      </h2>
      <figure className="wallet-code">
        <QRSymbol part={toBase64url(request)} label={receive.show} />
        <figcaption>
          <DisplayAmount minor={amount} currency={currency} />
        </figcaption>
      </figure>
      {error && (
        <>
          <OfflineErrorNotice error={error} amount={amount} />
          <button type="button" className="molam-button" onClick={onAgain}>
            {receive.again}
          </button>
        </>
      )}
      {taking && <GiveUp onGiveUp={onGiveUp} />}
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={!ready}
        aria-busy={taking}
        onClick={() => ready && setScanning(true)}
      >
        {receive.scan}
      </button>
      {scanning && (
        <KindScanner
          wanted="answer"
          title={receive.scan}
          hint={receive.scanning}
          onClose={() => setScanning(false)}
          onValue={(text) => {
            setScanning(false)
            onScanned(text)
          }}
        />
      )}
    </div>
  )
}
