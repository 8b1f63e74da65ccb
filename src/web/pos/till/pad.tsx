import { useEffect, useRef } from 'react'
import { PAD_KEYS, type PadKey, padKeyOf } from '../amount.ts'
import { useTill } from '../till-context.tsx'

/** The amount pad. The keyboard's own digits and Enter work too, wherever the focus is, as long as it is
 * not in a field. */
export function Pad({ onPress }: { readonly onPress: (key: PadKey) => void }) {
  const { till } = useTill().words
  const pad = useRef<HTMLFieldSetElement>(null)
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const { target, ctrlKey, metaKey, altKey } = event
      const elsewhere = target instanceof HTMLInputElement || ctrlKey || metaKey || altKey
      // On a phone another screen may be in front of the pad, and everywhere a dialog.
      if (elsewhere || document.querySelector('dialog[open]') !== null || pad.current?.offsetParent === null) return
      const key = padKeyOf(event.key)
      // On a button or link, Enter is that one's.
      const isFree = target instanceof Element && target.closest('a, button, summary') === null
      if (key !== undefined) onPress(key)
      else if (event.key === 'Enter' && isFree) pad.current?.form?.requestSubmit()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [onPress])
  return (
    <fieldset className="pos-pad" ref={pad} aria-label={till.pad}>
      {PAD_KEYS.map((key) => (
        <button
          key={key}
          type="button"
          className="pos-key"
          aria-label={key === 'erase' ? till.erase : undefined}
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
