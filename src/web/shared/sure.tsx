import { useEffect, useRef } from 'react'
import { useApp } from './app-context.tsx'
import { usePressable } from './pressable.ts'

interface SureProps {
  readonly question: string
  readonly onBack: () => void
  readonly onSure: () => void
}

/** Asks once more. The second press must not be the second one of a double tap. */
export function Sure({ question, onBack, onSure }: SureProps) {
  const { back } = useApp().words
  const pressable = usePressable()
  const both = useRef<HTMLDivElement>(null)
  const away = useRef<HTMLButtonElement>(null)
  // The button that was pressed is gone; the harmless one gets its focus. What was asked for must not lie behind the navigation.
  useEffect(() => {
    away.current?.focus()
    both.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  return (
    <div className="app-sure" ref={both} data-pressable={pressable}>
      <button type="button" className="molam-button" ref={away} onClick={onBack}>
        {back}
      </button>
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={!pressable}
        onClick={() => pressable && onSure()}
      >
        {question}
      </button>
    </div>
  )
}
