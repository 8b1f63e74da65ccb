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
  // As every other fault here, it reaches the page as the worker's error.
  if (context === null) throw new Error('no canvas')
  context.drawImage(picture, 0, 0, width, height)
  picture.close()
  self.postMessage({ text: decodeQR(context.getImageData(0, 0, width, height)) } satisfies Seen)
})
