import { expect, it } from 'vitest'
import { generateOfflineQR } from '../../../src/device/qr/generate.ts'
import { FRAME_BYTES_MAX, SINGLE_BYTES_MAX } from '../../../src/device/qr/limits.ts'
import { OfflineQRReader } from '../../../src/device/qr/reader.ts'
import { decodeQR, type Pixels } from '../../../src/device/qr/scan.ts'
import { qrModules } from '../../../src/device/qr/symbol.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { APPROVAL_REQUEST_BYTES_MAX } from '../../../src/protocol/limits.ts'
import { photograph, type View } from './camera.ts'

/** From bytes to pixels and back: what one phone shows, another one reads. */
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, at) => Math.imul(at + length, 2654435761) >>> 24)
const partOf = (bytes: Uint8Array, at = 0) => generateOfflineQR(bytes).parts[at] ?? ''

/** Side of a symbol in pixels, where it fills four fifths of a camera frame of this height. */
const fills = (framePx: number, part: string) => (0.8 * framePx) / qrModules(part).length

const largest = partOf(bytesOf(SINGLE_BYTES_MAX))
const frame = partOf(bytesOf(4 * FRAME_BYTES_MAX), 1)
/** What a till shows an agent, at its longest: letters that no part of a bundle has. */
const request = toBase64url(bytesOf(APPROVAL_REQUEST_BYTES_MAX))

it.each<[string, string, View]>([
  ['the largest single symbol, pixel by pixel', largest, { pxPerModule: 3 }],
  ['at 4 pixels a module', largest, { pxPerModule: 4 }],
  ['an agent’s request in a VGA frame', request, { pxPerModule: fills(480, request), blurPx: 1, noise: 30 }],
  ['in a 720p frame', largest, { pxPerModule: fills(720, largest), noise: 30 }],
  ['in a 720p frame, smeared over 1½ pixels', largest, { pxPerModule: fills(720, largest), blurPx: 1.5, noise: 30 }],
  ['in a 1080p frame, smeared over 2½ pixels', largest, { pxPerModule: fills(1080, largest), blurPx: 2.5, noise: 30 }],
  ['turned by a quarter', largest, { pxPerModule: fills(720, largest), turned: 90, blurPx: 1, noise: 30 }],
  ['upside down', largest, { pxPerModule: fills(720, largest), turned: 180, blurPx: 1, noise: 30 }],
  ['held askew', largest, { pxPerModule: fills(720, largest), turned: 7, blurPx: 1, noise: 30 }],
  ['far from the edge of the picture', largest, { pxPerModule: 5, marginPx: 150, noise: 30 }],
  [
    'one of several, in a VGA frame, smeared over 1 pixel',
    frame,
    { pxPerModule: fills(480, frame), blurPx: 1, noise: 30 },
  ],
  [
    'one of several, turned and askew, in a VGA frame',
    frame,
    { pxPerModule: fills(480, frame), turned: 273, noise: 30 },
  ],
])('is read: %s', (_, part, view) => {
  expect(decodeQR(photograph(qrModules(part), view))).toBe(part)
})

it('a bundle shown as several symbols is read frame by frame, begun in the middle, with every third frame lost', () => {
  const bundle = bytesOf(1449)
  const { parts } = generateOfflineQR(bundle)
  expect(parts).toHaveLength(4)
  const reader = new OfflineQRReader()
  let result = reader.add('')
  for (let shown = 2; result.status !== 'complete' && shown < 30; shown++) {
    if (shown % 3 === 0) continue
    const part = parts[shown % parts.length] ?? ''
    const turned = 5 * shown
    const text = decodeQR(photograph(qrModules(part), { pxPerModule: fills(480, part), turned, noise: 20 }))
    if (text !== undefined) result = reader.add(text)
  }
  expect(result).toEqual({ status: 'complete', carries: 'bundle', bundle })
})

it('a reflection that hides a sixteenth of the symbol does not matter; one that hides a third yields nothing', () => {
  const picture = photograph(qrModules(largest), { pxPerModule: 5 })
  expect(decodeQR(withGlare(picture, 1 / 4))).toBe(largest)
  expect(decodeQR(withGlare(picture, 3 / 5))).toBeUndefined()
})

it('where no symbol is, none is read; data that does not fit the size is a mistake and says so', () => {
  const [width, height] = [200, 100]
  expect(decodeQR({ width, height, data: new Uint8Array(4 * width * height).fill(200) })).toBeUndefined()
  expect(() => decodeQR({ width, height, data: new Uint8Array(width * height) })).toThrow(RangeError)
})

/** White over the middle of the picture, a share of its side wide. */
function withGlare({ data, width, height }: Pixels, share: number): Pixels {
  const glared = Uint8ClampedArray.from(data)
  const [left, right] = [Math.floor((width * (1 - share)) / 2), Math.ceil((width * (1 + share)) / 2)]
  for (let y = left; y < right; y++) glared.fill(255, 4 * (y * width + left), 4 * (y * width + right))
  return { data: glared, width, height }
}
