import { useEffect, useState } from 'react'
import type { OfflineQR, QRKind } from '../device/qr/index.ts'
import { Icon } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import { QRSymbol } from './qr-symbol.tsx'
import { useReducedMotion } from './reduced-motion.ts'

/** Long enough for a slow camera to take each symbol, and below three changes a second (WCAG 2.3.1). */
const FRAME_MS = 400

export interface OfflineQRDisplayProps {
  readonly qr: OfflineQR
  /** What the person is told that it is. Default `bundle`. */
  readonly carries?: QRKind
  /** Milliseconds that each symbol stays. Default 400. */
  readonly frameMs?: number
}

/**
 * A bundle as a QR code for another phone to carry, or the receipt that it brings back. Several symbols are shown in
 * turn, with a pause; where the person asks for less motion they wait for "next". Give it a `key` of the bundle's id, so that another one starts anew.
 */
export function OfflineQRDisplay({ qr, carries = 'bundle', frameMs = FRAME_MS }: OfflineQRDisplayProps) {
  const { words, locale } = useOfflineContext()
  const { index, playing, setPlaying, step } = useFrames(qr.parts.length, frameMs)
  const part = qr.parts[index] ?? qr.parts[0] ?? ''
  const place = words.qr.part(index + 1, qr.parts.length)
  const label = qr.kind === 'animated' ? `${words.qr[carries].label}. ${place}` : words.qr[carries].label
  return (
    <figure className="molam-qr" lang={locale}>
      <QRSymbol part={part} label={label} />
      {qr.kind === 'animated' && (
        <>
          <p className="molam-qr-place" aria-hidden="true">
            {place}
          </p>
          <div className="molam-qr-controls">
            <button type="button" className="molam-button" aria-label={words.qr.previous} onClick={() => step(-1)}>
              <Icon name="previous" />
            </button>
            <button type="button" className="molam-button" onClick={() => setPlaying(!playing)}>
              {playing ? words.qr.pause : words.qr.play}
            </button>
            <button type="button" className="molam-button" aria-label={words.qr.next} onClick={() => step(1)}>
              <Icon name="next" />
            </button>
          </div>
        </>
      )}
      <figcaption className="molam-quiet">{words.qr[carries].hint}</figcaption>
    </figure>
  )
}

/** Which symbol is shown. Stepping by hand stops the play. */
function useFrames(count: number, frameMs: number) {
  const { timers } = useOfflineContext()
  const reduced = useReducedMotion()
  const [wanted, setPlaying] = useState<boolean>()
  const [frame, setFrame] = useState(0)
  const playing = count > 1 && (wanted ?? !reduced)

  useEffect(() => {
    if (!playing) return
    let timer = timers.set(function turn() {
      setFrame((current) => current + 1)
      timer = timers.set(turn, frameMs)
    }, frameMs)
    return () => timers.clear(timer)
  }, [playing, frameMs, timers])

  const step = (by: 1 | -1) => {
    setPlaying(false)
    setFrame((current) => current + by)
  }
  return { index: ((frame % count) + count) % count, playing, setPlaying, step }
}
