import { useState } from 'react'
import { useProfile } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import { type CodeKind, kindOf } from './code.ts'
import { Scanner } from './scanner.tsx'

interface KindScannerProps {
  readonly wanted: CodeKind
  readonly title: string
  readonly hint: string
  /** Hears the text of the first code of the wanted kind. */
  readonly onValue: (text: string) => void
  readonly onClose: () => void
}

/** Scans one code of one kind. Others are called by their name, and cost nothing. */
export function KindScanner({ wanted, onValue, ...rest }: KindScannerProps) {
  const { scan } = useApp().words
  const country = useProfile()?.policy.country
  const [note, setNote] = useState<string>()
  const read = (text: string) => {
    const kind = kindOf(text, country)
    if (kind === wanted) onValue(text)
    else setNote(scan.kinds[kind])
  }
  return <Scanner {...rest} note={note} onRead={read} />
}
