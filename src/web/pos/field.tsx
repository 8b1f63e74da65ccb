import { useId, useState } from 'react'
import { useProfile } from '../../ui/index.ts'
import { PLAIN } from './enrol.tsx'
import { type CodeKind, kindOf } from './scan/code.ts'
import { Scanner } from './scan/scanner.tsx'
import { useTill } from './till-context.tsx'

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
  const { payer } = useTill().words
  const id = useId()
  const [scanning, setScanning] = useState(false)
  const isNoted = wrong !== undefined || hint !== undefined || means !== undefined
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
          {wrong !== undefined && (
            <p className="pos-note pos-wrong" role="alert">
              {wrong}
            </p>
          )}
          {means !== undefined && <p className="pos-means">{means}</p>}
          {hint !== undefined && <p className="pos-note">{hint}</p>}
        </div>
      )}
      {scan && scanning && (
        <ValueScanner
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

interface ValueScannerProps {
  readonly wanted: CodeKind
  readonly title: string
  readonly hint: string
  readonly onValue: (text: string) => void
  readonly onClose: () => void
}

function ValueScanner({ wanted, onValue, ...rest }: ValueScannerProps) {
  const { scan } = useTill().words
  const country = useProfile()?.policy.country
  const [note, setNote] = useState<string>()
  const read = (text: string) => {
    const kind = kindOf(text, country)
    if (kind === wanted) onValue(text)
    else setNote(scan.kinds[kind])
  }
  return <Scanner {...rest} note={note} onRead={read} />
}
