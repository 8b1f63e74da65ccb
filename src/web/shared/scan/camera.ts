import { type RefObject, useEffect, useState, useSyncExternalStore } from 'react'

/**
 * Why there is no picture.
 *
 * - `denied`: the person or the phone's settings do not allow it
 * - `none`: there is no camera, or the browser shows it to no page
 * - `busy`: another app has it, or took it
 * - `silent`: the browser still asks the person, or never answers; the picture may come yet
 */
export type CameraTrouble = 'denied' | 'none' | 'busy' | 'silent'

/** Milliseconds in which a camera that is allowed shows its picture. */
const SHOWS_WITHIN_MS = 8_000

/** The largest symbol that is shown needs 720 pixels on the short side (src/device/qr/limits.ts). Ideal: any camera is better than none. */
const WANTED = {
  audio: false,
  video: { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 720 } },
} as const

/**
 * Plays the camera in a `<video>` for as long as the component is mounted and the page is looked at: nobody is filmed by a
 * phone that lies in a pocket.
 */
export function useCamera(video: RefObject<HTMLVideoElement | null>): CameraTrouble | undefined {
  const [trouble, setTrouble] = useState<CameraTrouble>()
  const isVisible = useSyncExternalStore(subscribe, () => document.visibilityState !== 'hidden')
  useEffect(() => {
    const player = video.current
    if (!isVisible || player === null) return
    let left = false
    let stream: MediaStream | undefined
    const tell = (found: CameraTrouble | undefined) => {
      if (!left) setTrouble(found)
    }
    const timer = setTimeout(() => tell('silent'), SHOWS_WITHIN_MS)
    const start = async () => {
      stream = await open()
      // Left while the person was asked.
      if (left) return stop(stream)
      for (const track of stream.getTracks()) track.addEventListener('ended', () => tell('busy'))
      player.srcObject = stream
      await player.play()
      clearTimeout(timer)
      tell(undefined)
    }
    start().catch((error: unknown) => {
      clearTimeout(timer)
      stop(stream)
      tell(troubleOf(error))
    })
    return () => {
      left = true
      clearTimeout(timer)
      stop(stream)
      player.srcObject = null
    }
  }, [video, isVisible])
  return trouble
}

function open(): Promise<MediaStream> {
  // Missing on a page without https.
  const devices: MediaDevices | undefined = navigator.mediaDevices
  return devices === undefined ? Promise.reject(new TypeError('no cameras')) : devices.getUserMedia(WANTED)
}

/** W3C Media Capture and Streams §10.2 names the errors. */
function troubleOf(error: unknown): CameraTrouble {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied'
    case 'NotReadableError':
    case 'AbortError':
      return 'busy'
    default:
      return 'none'
  }
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

function subscribe(changed: () => void): () => void {
  document.addEventListener('visibilitychange', changed)
  return () => document.removeEventListener('visibilitychange', changed)
}
