import { useEffect, useRef } from 'react'
import { useApp } from '../app-context.tsx'
import { ByHand } from './by-hand.tsx'
import { useCamera } from './camera.ts'
import type { ScanTrouble } from './trouble.ts'
import { useReader } from './use-reader.ts'

interface ScannerProps {
  readonly title: string
  /** What to hold in front of the camera. */
  readonly hint: string
  /** What was read so far, or what is wrong with it. */
  readonly note?: string | undefined
  /** Hears each text that differs from the one before, until the scanner is unmounted. */
  readonly onRead: (text: string) => void
  readonly onClose: () => void
}

/** Reads QR codes with the camera. What it sees stays on the phone. */
export function Scanner({ title, hint, note, onRead, onClose }: ScannerProps) {
  const { scan, close } = useApp().words
  const dialog = useRef<HTMLDialogElement>(null)
  const video = useRef<HTMLVideoElement>(null)
  const cameraTrouble = useCamera(video)
  const isUnable = useReader(video, onRead)
  const trouble: ScanTrouble | undefined = isUnable ? 'reader' : cameraTrouble
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      className="app-scanner"
      ref={dialog}
      onClose={onClose}
      // Escape closes it, and nothing behind it.
      onKeyDown={(event) => event.stopPropagation()}
      aria-label={title}
    >
      <p role={trouble && 'alert'}>{trouble ? scan.troubles[trouble] : hint}</p>
      <video ref={video} muted playsInline hidden={trouble !== undefined} />
      <p className="app-scan-note" role="status">
        {note}
      </p>
      <details open={trouble !== undefined}>
        <summary>{scan.byHand}</summary>
        <ByHand onRead={onRead} />
      </details>
      <button type="button" className="molam-button" onClick={onClose}>
        {close}
      </button>
    </dialog>
  )
}
