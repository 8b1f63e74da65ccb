import { useId, useState } from 'react'
import { PLAIN } from './enrol.tsx'
import { Scanner } from './scanner.tsx'
import { useTill } from './till-context.tsx'

interface FieldProps {
  readonly label: string
  readonly hint?: string
  readonly value: string
  readonly onChange: (value: string) => void
  /** What is wrong with the value; read out with the field. */
  readonly wrong?: string | undefined
  /** Whether its value can be read from a QR code. A scanner that types works in every field. */
  readonly scan?: boolean
  readonly autoFocus?: boolean
}

/** A line of text that is no word: an account, a reference, a signed consent. */
export function Field({ label, hint, value, onChange, wrong, scan = false, autoFocus = false }: FieldProps) {
  const { payer } = useTill().words
  const id = useId()
  const [scanning, setScanning] = useState(false)
  const isNoted = wrong !== undefined || hint !== undefined
  return (
    <div className="pos-field">
      <label htmlFor={id}>{label}</label>
      <div className="pos-field-row">
        <input
          id={id}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          aria-invalid={wrong !== undefined}
          aria-describedby={isNoted ? `${id}-note` : undefined}
          // The step has this one question; whoever opens it is about to answer it.
          // biome-ignore lint/a11y/noAutofocus: the focus follows the step that a person has just chosen
          autoFocus={autoFocus}
          {...PLAIN}
        />
        {scan && (
          <button type="button" className="molam-button" onClick={() => setScanning(true)}>
            {payer.scan}
          </button>
        )}
      </div>
      {isNoted && (
        <div id={`${id}-note`}>
          {wrong !== undefined && <p className="pos-note pos-wrong">{wrong}</p>}
          {hint !== undefined && <p className="pos-note">{hint}</p>}
        </div>
      )}
      {scanning && (
        <Scanner
          onClose={() => setScanning(false)}
          onRead={(text) => {
            onChange(text)
            setScanning(false)
          }}
        />
      )}
    </div>
  )
}
