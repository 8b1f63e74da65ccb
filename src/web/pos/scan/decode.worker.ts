import { decodeQR } from '../../../device/qr/index.ts'
import type { Look, Seen } from './decoder.ts'

/** Reads pictures beside the page, so that a slow phone's buttons answer while it looks. */
let canvas: OffscreenCanvas | undefined

self.addEventListener('message', ({ data }: MessageEvent<Look>) => {
  const { picture, width, height } = data
  canvas ??= new OffscreenCanvas(width, height)
  // The canvas is cleared by it.
  Object.assign(canvas, { width, height })
  const context = canvas.getContext('2d', { willReadFrequently: true })
  context?.drawImage(picture, 0, 0, width, height)
  picture.close()
  const image = context?.getImageData(0, 0, width, height)
  self.postMessage({ text: image && decodeQR(image) } satisfies Seen)
})
