import { type RefObject, useEffect, useRef } from 'react'
import { Decoder } from './decoder.ts'

/** Milliseconds between two looks: an animated code stays on each of its symbols for 400. */
const LOOK_EVERY_MS = 100

/** Looks at what a `<video>` shows, one frame at a time, and tells of each text that differs from the one before. */
export function useReader(video: RefObject<HTMLVideoElement | null>, onRead: (text: string) => void): void {
  const heard = useRef(onRead)
  heard.current = onRead
  useEffect(() => {
    let decoder = new Decoder()
    let timer: ReturnType<typeof setTimeout> | undefined
    let left = false
    let before: string | undefined
    const look = async () => {
      const text = await frameOf(video.current)
        .then((frame) => frame && decoder.read(frame))
        .catch(() => {
          // The camera was just taken away, or the worker died: the next look has a new one.
          decoder.close()
          if (!left) decoder = new Decoder()
          return undefined
        })
      if (left) return
      if (text !== undefined && text !== before) heard.current(text)
      before = text ?? before
      timer = setTimeout(look, LOOK_EVERY_MS)
    }
    void look()
    return () => {
      left = true
      clearTimeout(timer)
      decoder.close()
    }
  }, [video])
}

async function frameOf(video: HTMLVideoElement | null): Promise<ImageBitmap | undefined> {
  const isPlaying = video !== null && video.videoWidth > 0 && !video.paused
  return isPlaying ? createImageBitmap(video) : undefined
}
