import { decodeQR as decode } from 'qr/decode.js'

/** Pixels as `ImageData` has them: four bytes each, rows from the top. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/**
 * The text of the QR symbol in a picture: of any rotation, any scale from about 2½ pixels a module, and a little blurred.
 *
 * @param image `ctx.getImageData(…)` of a camera frame
 * @returns undefined when none is found: try the next frame
 * @throws RangeError when the data does not fit the size
 */
export function decodeQR({ data, width, height }: Pixels): string | undefined {
  if (data.length !== 4 * width * height) throw new RangeError('four bytes a pixel')
  try {
    // The library's default effort: no retries within a frame, as the next one is on its way. About 10 ms.
    return decode({ data, width, height }, { format: 'RGBA' })
  } catch {
    return undefined
  }
}
