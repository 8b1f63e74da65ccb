import { useEffect, useRef } from 'react'
import { useApp } from '../app-context.tsx'
import { isEnter, isForStep } from '../keyboard.ts'
import { isForeign, PAD_KEYS, type PadKey, padKeyOf } from './amount.ts'

interface PadProps {
  readonly onPress: (key: PadKey) => void
  /** Hears of a key of the keyboard that types something and is not on the pad. */
  readonly onForeign: (key: string) => void
}

/** The amount pad. The keyboard's own digits and Enter work too, wherever the focus is. */
export function Pad({ onPress, onForeign }: PadProps) {
  const { pad: words } = useApp().words
  const pad = useRef<HTMLFieldSetElement>(null)
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!isForStep(event, pad.current)) return
      const key = padKeyOf(event.key)
      if (key !== undefined) onPress(key)
      else if (isForeign(event.key)) onForeign(event.key)
      else if (isEnter(event)) pad.current?.form?.requestSubmit()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [onPress, onForeign])
  return (
    <fieldset className="app-pad" ref={pad} aria-label={words.label}>
      {PAD_KEYS.map((key) => (
        <button
          key={key}
          type="button"
          className="app-key"
          aria-label={key === 'erase' ? words.erase : undefined}
          // A tap leaves the focus where it is: the next Enter of the keyboard means "continue", not this key again.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onPress(key)}
        >
          {key === 'erase' ? <EraseIcon /> : key}
        </button>
      ))}
    </fieldset>
  )
}

function EraseIcon() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M9 5h11a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H9l-6-7 6-7ZM12 9.5l5 5m0-5-5 5" />
    </svg>
  )
}
