import { writeFileSync } from 'node:fs'
import type { Page } from 'playwright'
import { decodeQR, parseOfflineQR } from '../../src/device/qr/index.ts'
import type { Pixels } from '../../src/device/qr/scan.ts'
import { photograph } from '../device/qr/camera.ts'

export type Modules = readonly (readonly boolean[])[]

const [WIDTH, HEIGHT] = [1280, 720]
const FRAMES_PER_SECOND = 10
/** As long as the till shows each symbol of an animated code: 400 ms. */
const FRAMES_PER_SYMBOL = 4
/** Brightness of the market stall around the other phone. */
const AROUND = 120

/** What a phone's camera sees: a file that Chromium plays over and over, opened anew whenever a page starts the camera. */
export class Camera {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    this.show([])
  }

  flags(permission: 'denied' | undefined): readonly string[] {
    return [
      `--use-fake-ui-for-media-stream${permission === 'denied' ? '=deny' : ''}`,
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${this.#path}`,
    ]
  }

  /**
   * Holds another phone in front of it: a little turned, a little blurred, with the noise of a cheap sensor.
   *
   * @param fills share of the frame's height; most of it, as a person would hold it
   */
  show(symbols: readonly Modules[], fills = 0.9): void {
    this.#film(symbols.length === 0 ? [luma()] : symbols.map((symbol) => luma(seen(symbol, fills))))
  }

  /** Holds up what the other phone's screen really shows, pixel by pixel: colours, margin and size as its page draws them. */
  showPicture(picture: Pixels): void {
    this.#film([luma(picture)])
  }

  #film(pictures: readonly Buffer[]): void {
    const frames = pictures.flatMap((picture) => Array<Buffer>(FRAMES_PER_SYMBOL).fill(picture))
    // YUV4MPEG2: a header, then a line and the planes Y, U, V of each frame; grey has no colour in U and V.
    const grey = Buffer.alloc((WIDTH * HEIGHT) / 2, 128)
    const header = `YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420mpeg2\n`
    writeFileSync(
      this.#path,
      Buffer.concat([Buffer.from(header), ...frames.flatMap((frame) => [Buffer.from('FRAME\n'), frame, grey])]),
    )
  }
}

const seen = (symbol: Modules, fills: number): Pixels =>
  photograph(symbol, { pxPerModule: Math.floor((fills * HEIGHT) / symbol.length), turned: 2, blurPx: 1, noise: 20 })

function luma(picture?: Pixels): Buffer {
  const frame = Buffer.alloc(WIDTH * HEIGHT, AROUND)
  if (picture === undefined) return frame
  const { data, width, height } = picture
  if (height > HEIGHT) throw new RangeError(`a symbol of ${height} pixels`)
  const [left, top] = [Math.floor((WIDTH - width) / 2), Math.floor((HEIGHT - height) / 2)]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) frame[(top + y) * WIDTH + left + x] = data[4 * (y * width + x)] ?? 0
  }
  return frame
}

/** What the screen shows of the one symbol of a page, as large as a camera that is held close sees it. */
export async function pictureOf(page: Page): Promise<Pixels> {
  const screen = (await page.locator('.molam-qr-symbol').screenshot()).toString('base64')
  const side = Math.floor(0.9 * HEIGHT)
  const data = await page.evaluate(drawn, [screen, side] as const)
  return { width: side, height: side, data: Uint8ClampedArray.from(Buffer.from(data, 'base64')) }
}

/** Runs in the page. */
async function drawn([png, side]: readonly [string, number]): Promise<string> {
  const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0))
  const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
  const canvas = new OffscreenCanvas(side, side).getContext('2d')
  if (canvas === null) throw new Error('no canvas')
  canvas.filter = 'grayscale(1)'
  canvas.drawImage(bitmap, 0, 0, side, side)
  const { data } = canvas.getImageData(0, 0, side, side)
  let text = ''
  for (const byte of data) text += String.fromCharCode(byte)
  return btoa(text)
}

/** The symbols that a page shows: one, or each of an animated code in turn. */
export async function symbolsOn(page: Page): Promise<readonly Modules[]> {
  const symbols: Modules[] = []
  await eachSymbol(page, async () => {
    symbols.push(await symbolOn(page))
  })
  return symbols
}

/** The receipt in the symbols. */
export function receiptIn(symbols: readonly Modules[]): Uint8Array {
  const read = parseOfflineQR(symbols.map((symbol) => decodeQR(photograph(symbol, { pxPerModule: 4 })) ?? ''))
  if (read.status !== 'complete' || read.carries !== 'receipt') throw new Error(`no receipt: ${read.status}`)
  return read.receipt
}

/** The text of the one symbol that a page shows. */
export async function textOn(page: Page): Promise<string> {
  const [symbol = []] = await symbolsOn(page)
  const text = decodeQR(photograph(symbol, { pxPerModule: 4 }))
  if (text === undefined) throw new Error('the symbol cannot be read')
  return text
}

/** Photos of them, as another phone's camera app takes them. */
export async function photosOf(page: Page): Promise<readonly Buffer[]> {
  const photos: Buffer[] = []
  await eachSymbol(page, async () => {
    photos.push(await page.locator('.molam-qr-symbol').screenshot())
  })
  return photos
}

async function eachSymbol(page: Page, see: () => Promise<void>): Promise<void> {
  const symbol = page.locator('.molam-qr-symbol')
  await symbol.waitFor()
  const place = page.locator('.molam-qr-place')
  if ((await place.count()) === 0) return see()
  await page.getByRole('button', { name: 'Pause' }).click()
  const count = Number(/\d+$/.exec((await place.textContent()) ?? '')?.[0])
  for (let at = 0; at < count; at++) {
    await see()
    await page.getByRole('button', { name: 'Suivant' }).click()
  }
  await page.getByRole('button', { name: 'Défiler' }).click()
}

/** Reads the drawing back, rectangle by rectangle: `M<x> <y>h<width>v1h-<width>z`. */
async function symbolOn(page: Page): Promise<Modules> {
  const { side, path } = await page.locator('.molam-qr-symbol').evaluate((svg) => ({
    side: (svg as SVGSVGElement).viewBox.baseVal.width,
    path: svg.querySelector('path')?.getAttribute('d') ?? '',
  }))
  const rows = Array.from({ length: side }, () => Array<boolean>(side).fill(false))
  for (const [, x = 0, y = 0, width = 0] of path.matchAll(/M(\d+) (\d+)h(\d+)v1/g)) {
    rows[Number(y)]?.fill(true, Number(x), Number(x) + Number(width))
  }
  return rows
}
