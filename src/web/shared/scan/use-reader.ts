import { type RefObject, useEffect, useRef, useState } from 'react'
import { Decoder, ReaderUnable } from './decoder.ts'

/** Milliseconds between two looks: an animated code stays on each of its symbols for 400. */
const LOOK_EVERY_MS = 100
/** Where the page itself looks, its buttons must answer between two looks. */
const LOOK_ON_PAGE_EVERY_MS = 250
/** So many pictures in a row that cannot be had are no camera that was just taken away. */
const FAULTS_MAX = 20

/**
 * Looks at what a `<video>` shows, one frame at a time, and tells of each text that differs from the one before.
 *
 * @returns whether this browser cannot read pictures at all
 */
export function useReader(video: RefObject<HTMLVideoElement | null>, onRead: (text: string) => void): boolean {
  const heard = useRef(onRead)
  heard.current = onRead
  const [unable, setUnable] = useState(false)
  useEffect(() => {
    const decoder = new Decoder()
    let timer: ReturnType<typeof setTimeout> | undefined
    let left = false
    let before: string | undefined
    let faults = 0
    const look = async () => {
      const player = video.current
      const isPlaying = player !== null && player.videoWidth > 0 && !player.paused
      try {
        const text = isPlaying ? await decoder.read(player) : undefined
        if (left) return
        if (text !== undefined && text !== before) heard.current(text)
        before = text ?? before
        faults = 0
      } catch (error) {
        faults++
        if (error instanceof ReaderUnable || faults > FAULTS_MAX) return setUnable(true)
      }
      if (left) return
      timer = setTimeout(look, decoder.isOnPage ? LOOK_ON_PAGE_EVERY_MS : LOOK_EVERY_MS)
    }
    void look()
    return () => {
      left = true
      clearTimeout(timer)
      decoder.close()
    }
  }, [video])
  return unable
}
