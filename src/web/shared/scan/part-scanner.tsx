import { useState } from 'react'
import { OfflineQRReader, type QRKind } from '../../../device/qr/index.ts'
import { useApp } from '../app-context.tsx'
import { kindOf } from './code.ts'
import { Scanner } from './scanner.tsx'

interface PartScannerProps {
  readonly wanted: QRKind
  readonly title: string
  readonly hint: string
  /** Hears the bytes that were shown. Whether they are worth anything, their signature tells. */
  readonly onWhole: (bytes: Uint8Array) => void
  readonly onClose: () => void
}

/** Scans a bundle or a receipt, of however many symbols. Other codes are called by their name, and cost nothing. */
export function PartScanner({ wanted, onWhole, ...rest }: PartScannerProps) {
  const { scan } = useApp().words
  const [reader] = useState(() => new OfflineQRReader())
  const [note, setNote] = useState<string>()
  const read = (text: string) => {
    const result = reader.add(text)
    if (result.status === 'invalid' || result.carries !== wanted) setNote(scan.kinds[kindOf(text)])
    else if (result.status === 'partial') setNote(scan.progress(result.have, result.of))
    else onWhole(result.carries === 'bundle' ? result.bundle : result.receipt)
  }
  return <Scanner {...rest} note={note} onRead={read} />
}
