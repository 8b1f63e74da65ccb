import { memo } from 'react'
import { qrModules } from '../device/qr/index.ts'

interface QRSymbolProps {
  readonly part: string
  readonly label: string
}

/** One QR symbol, dark on light in every theme: a scanner needs it so. Its quiet zone is part of it. */
export const QRSymbol = memo(function QRSymbol({ part, label }: QRSymbolProps) {
  const rows = qrModules(part)
  return (
    <svg
      className="molam-qr-symbol"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${rows.length} ${rows.length}`}
      shapeRendering="crispEdges"
    >
      <rect width="100%" height="100%" fill="#fff" />
      <path d={rows.map(rowPath).join('')} fill="#000" />
    </svg>
  )
})

/** The dark runs of a row, a rectangle each: one path is far cheaper than thousands of elements. */
function rowPath(row: readonly boolean[], y: number): string {
  let path = ''
  for (let x = 0; x < row.length; x++) {
    if (!row[x]) continue
    const from = x
    while (row[x + 1]) x++
    path += `M${from} ${y}h${x + 1 - from}v1h${from - x - 1}z`
  }
  return path
}
