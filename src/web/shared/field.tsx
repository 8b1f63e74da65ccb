import { useId, useState } from 'react'
import { useApp } from './app-context.tsx'
import { PLAIN } from './enrol.tsx'
import type { CodeKind } from './scan/code.ts'
import { KindScanner } from './scan/kind-scanner.tsx'

interface FieldProps {
  readonly label: string
  readonly hint?: string
  readonly value: string
  readonly onChange: (value: string) => void
  /** What is wrong with the value; read out with the field. */
  readonly wrong?: string | undefined
  /** What the value was understood as. */
  readonly means?: string | undefined
  /** The kind of QR code that its value can be read from. A scanner that types works in every field. */
  readonly scan?: { readonly wanted: CodeKind; readonly hint: string }
  readonly autoFocus?: boolean
}

/** A line of text that is no word: an account, a reference, a signed consent. */
export function Field({ label, hint, value, onChange, wrong, means, scan, autoFocus = false }: FieldProps) {
  const { scan: words } = useApp().words
  const id = useId()
  const [scanning, setScanning] = useState(false)
  const isNoted = wrong !== undefined || hint !== undefined || means !== undefined
  return (
    <div className="app-field">
      <label htmlFor={id}>{label}</label>
      <div className="app-field-row">
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
            {words.start}
          </button>
        )}
      </div>
      {isNoted && (
        <div id={`${id}-note`}>
          {wrong !== undefined && (
            <p className="app-note app-wrong" role="alert">
              {wrong}
            </p>
          )}
          {means !== undefined && <p className="app-means">{means}</p>}
          {hint !== undefined && <p className="app-note">{hint}</p>}
        </div>
      )}
      {scan && scanning && (
        <KindScanner
          {...scan}
          title={label}
          onClose={() => setScanning(false)}
          onValue={(text) => {
            onChange(text)
            setScanning(false)
          }}
        />
      )}
    </div>
  )
}
