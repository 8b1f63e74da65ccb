import { useEffect, useRef, useState } from 'react'
import { decodeQR } from '../../qr/index.ts'
import { useTill } from './till-context.tsx'

/** Milliseconds between two looks at the camera: reading a frame takes a cheap phone about half of it. */
const LOOK_EVERY_MS = 200
/** Pixels of the longer side of what is read: enough for the largest symbol that is shown. */
const LOOK_SIZE = 800

interface ScannerProps {
  readonly onRead: (text: string) => void
  readonly onClose: () => void
}

/** Reads one QR code with the camera. What it sees stays on the phone. */
export function Scanner({ onRead, onClose }: ScannerProps) {
  const { payer, close } = useTill().words
  const dialog = useRef<HTMLDialogElement>(null)
  const video = useRef<HTMLVideoElement>(null)
  const [failed, setFailed] = useState(false)
  const read = useRef(onRead)
  read.current = onRead

  useEffect(() => {
    dialog.current?.showModal()
    let stream: MediaStream | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let ended = false
    const look = () => {
      const text = video.current ? textIn(video.current) : undefined
      if (text === undefined) timer = setTimeout(look, LOOK_EVERY_MS)
      else read.current(text)
    }
    const start = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
      // Closed while the person was asked.
      if (ended || video.current === null) return stop(stream)
      video.current.srcObject = stream
      await video.current.play()
      look()
    }
    start().catch(() => setFailed(!ended))
    return () => {
      ended = true
      clearTimeout(timer)
      stop(stream)
    }
  }, [])

  return (
    <dialog className="pos-scanner" ref={dialog} onClose={onClose} aria-label={payer.scan}>
      <p>{failed ? payer.noCamera : payer.scanning}</p>
      {!failed && <video ref={video} muted playsInline />}
      <button type="button" className="molam-button" onClick={onClose}>
        {close}
      </button>
    </dialog>
  )
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

function textIn(video: HTMLVideoElement): string | undefined {
  const { videoWidth, videoHeight } = video
  const scale = Math.min(1, LOOK_SIZE / Math.max(videoWidth, videoHeight, 1))
  const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)]
  if (width === 0 || height === 0) return undefined
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  context?.drawImage(video, 0, 0, width, height)
  const image = context?.getImageData(0, 0, width, height)
  return image && decodeQR(image)
}
