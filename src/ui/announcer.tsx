import { useEffect, useState } from 'react'
import type { Timers } from '../device/sdk/index.ts'
import { announcementOf } from './announcement.ts'
import type { SdkStore } from './sdk-store.ts'
import type { Locale, Messages } from './words/messages.ts'

/** A sync brings its news over a second or two: they are told together. */
const GATHER_MS = 1_500

interface AnnouncerProps {
  readonly store: SdkStore
  readonly locale: Locale
  readonly words: Messages
  readonly timers: Timers
}

/** The page's one polite live region. What is urgent is an alert of the component that shows it. */
export function Announcer({ store, locale, words, timers }: AnnouncerProps) {
  const [told, setTold] = useState({ text: '', number: 0 })

  useEffect(() => {
    let before = store.getSnapshot()
    let timer: unknown
    const tell = () => {
      timer = undefined
      const after = store.getSnapshot()
      const text = announcementOf(before, after, words)
      before = after
      if (text !== '') setTold(({ number }) => ({ text, number: number + 1 }))
    }
    const unsubscribe = store.subscribe(() => {
      timer ??= timers.set(tell, GATHER_MS)
    })
    return () => {
      unsubscribe()
      if (timer !== undefined) timers.clear(timer)
    }
  }, [store, words, timers])

  return (
    <div className="molam-announcer" role="status" lang={locale}>
      {/* A new element each time, or the same sentence would not be read twice. */}
      {told.text !== '' && <span key={told.number}>{told.text}</span>}
    </div>
  )
}
