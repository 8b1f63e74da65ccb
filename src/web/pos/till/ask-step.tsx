import { useEffect, useRef, useState } from 'react'
import type { OfflineError, Profile } from '../../../device/sdk/index.ts'
import { formatAmount, OfflineErrorNotice } from '../../../ui/index.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { GiveUp } from '../../shared/give-up.tsx'
import { isEnter, isForStep } from '../../shared/keyboard.ts'
import { usePressable } from '../../shared/pressable.ts'
import { KindScanner } from '../../shared/scan/kind-scanner.tsx'
import { useAlias } from '../alias.ts'
import { useTill } from '../till-context.tsx'
import { requestCode } from './request-code.ts'
import { TroubleNotice } from './trouble-notice.tsx'
import type { Trouble } from './use-exchange.ts'

interface AskStepProps {
  readonly shop: Profile
  readonly amount: number
  /** Undefined while it is being written. */
  readonly request: Uint8Array | undefined
  readonly trouble: Trouble | undefined
  readonly error: OfflineError | undefined
  readonly taking: boolean
  readonly onAgain: () => void
  readonly onScanned: (text: string) => void
  /** Left out above what is taken without the customer's phone. */
  readonly onNoPhone: (() => void) | undefined
  readonly onBack: () => void
  readonly onGiveUp: () => void
}

/**
 * The customer scans what the till asks, and the till scans what the customer's phone answers. Nothing is taken before that: Enter
 * opens the camera, Escape goes back.
 */
export function AskStep(props: AskStepProps) {
  const { shop, amount, request, trouble, error, taking, onAgain, onScanned, onNoPhone, onBack, onGiveUp } = props
  const { ask, back, payer } = useTill().words
  const { currency, country, requirePayerProofAbove, requireManualReviewAbove } = shop.policy
  const alias = useAlias(shop)
  const [scanning, setScanning] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const notice = useRef<HTMLDivElement>(null)
  const pressable = usePressable()
  const ready = pressable && request !== undefined && !taking
  useEffect(() => heading.current?.focus(), [])
  // On a small phone the person has scrolled down to the button.
  useEffect(() => {
    if (trouble ?? error) notice.current?.scrollIntoView({ block: 'nearest' })
  }, [trouble, error])
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!isForStep(event, heading.current)) return
      if (event.key === 'Escape' && !taking) onBack()
      else if (isEnter(event) && ready) setScanning(true)
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [onBack, ready, taking])
  const money = (minor: number) => formatAmount(minor, currency)
  return (
    <div className="pos-ask" data-pressable={pressable}>
      <button type="button" className="app-back" onClick={onBack} aria-disabled={taking}>
        <span aria-hidden="true">‹</span> {back}
      </button>
      <p>
        <DisplayAmount minor={amount} currency={currency} />
      </p>
      {/* Above the code: what went wrong must not lie below the end of the screen. */}
      <div className="pos-ask-wrong" ref={notice}>
        {trouble && <TroubleNotice trouble={trouble} amount={amount} />}
        {error && !trouble && <OfflineErrorNotice error={error} amount={amount} />}
      </div>
      <h2 ref={heading} tabIndex={-1}>
        {ask.title}
      </h2>
      {request === undefined ? (
        trouble === undefined && <p className="app-note">{ask.making}</p>
      ) : (
        <div className="pos-ask-code" data-small={trouble !== undefined}>
          <QRSymbol part={requestCode(request, { country, alias })} label={ask.code(money(amount))} />
        </div>
      )}
      {taking && <GiveUp onGiveUp={onGiveUp} />}
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={!ready}
        aria-busy={taking}
        onClick={() => ready && setScanning(true)}
      >
        {ask.scan}
      </button>
      {trouble && (
        <button type="button" className="molam-button" onClick={onAgain}>
          {ask.again}
        </button>
      )}
      {onNoPhone ? (
        <button
          type="button"
          className="molam-button"
          aria-disabled={!pressable}
          onClick={() => pressable && onNoPhone()}
        >
          {ask.noPhone}
        </button>
      ) : (
        <p className="app-note">{ask.phoneOnly(money(requirePayerProofAbove))}</p>
      )}
      {amount > requireManualReviewAbove && (
        <p className="app-note">{payer.reviewed(money(requireManualReviewAbove))}</p>
      )}
      {scanning && (
        <KindScanner
          wanted="answer"
          title={ask.scan}
          hint={ask.scanning}
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
