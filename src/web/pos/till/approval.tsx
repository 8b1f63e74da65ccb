import { useId, useState } from 'react'
import { toBase64url } from '../../../protocol/bytes.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { Field } from '../../shared/field.tsx'
import { useTill } from '../till-context.tsx'

interface ApprovalProps {
  /** Above which amount an agent approves. */
  readonly above: string
  /** Undefined while nobody is named who pays. */
  readonly request: Uint8Array | undefined
  readonly value: string
  readonly onChange: (value: string) => void
  readonly wrong: string | undefined
}

/** An agent approves: the till shows what, and takes in what the agent's phone shows for it. */
export function Approval({ above, request, value, onChange, wrong }: ApprovalProps) {
  const { payer: words } = useTill().words
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  return (
    <div className="pos-approval">
      {request === undefined ? (
        <p className="app-note">{words.approvalPayerFirst}</p>
      ) : (
        <button
          type="button"
          className="molam-button"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? words.approvalHide : words.approvalShow}
        </button>
      )}
      {request !== undefined && isOpen && (
        <figure id={id} className="pos-approval-request">
          <QRSymbol part={toBase64url(request)} label={words.approvalShow} />
          <figcaption>
            <code>{toBase64url(request)}</code>
          </figcaption>
        </figure>
      )}
      <Field
        label={words.approval}
        hint={words.approvalWhy(above)}
        value={value}
        onChange={onChange}
        wrong={wrong}
        scan={{ wanted: 'approval', hint: words.approvalScanning }}
      />
    </div>
  )
}
