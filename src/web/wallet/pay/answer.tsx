import { useEffect, useRef } from 'react'
import type { AskedOfPayer } from '../../../device/sdk/index.ts'
import { toBase64url } from '../../../protocol/bytes.ts'
import { formatParty } from '../../../ui/index.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { usePressable } from '../../shared/pressable.ts'
import { go } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { useBrightScreen } from './use-bright-screen.ts'

interface AnswerProps {
  readonly asked: AskedOfPayer
  readonly answer: Uint8Array
}

/** What the till, or the other phone, scans. Whether it has, this phone cannot see: it says so, and calls nothing paid. */
export function Answer({ asked, answer }: AnswerProps) {
  const { to, done, shownTo } = useWallet().words.answer
  const words = shownTo[asked.type === 'p2p' ? 'phone' : 'till']
  const heading = useRef<HTMLHeadingElement>(null)
  const pressable = usePressable()
  useBrightScreen()
  useEffect(() => heading.current?.focus(), [])
  return (
    <div className="app-stack wallet-answer" data-pressable={pressable}>
      <h2 ref={heading} tabIndex={-1}>
        {words.title}
      </h2>
      <figure className="wallet-code">
        <QRSymbol part={toBase64url(answer)} label={words.title} />
        <figcaption>
          <DisplayAmount minor={asked.amount} currency={asked.currency} />
          {to(formatParty(asked.receiver))}
        </figcaption>
      </figure>
      <p>{words.what}</p>
      <p className="app-note">{words.once}</p>
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={!pressable}
        onClick={() => pressable && go({ screen: 'home' })}
      >
        {done}
      </button>
    </div>
  )
}
