import { decodeQR } from '../../../device/qr/index.ts'

/** A picture to look at, and the size to look at it in. */
export interface Look {
  readonly picture: ImageBitmap
  readonly width: number
  readonly height: number
}

export interface Seen {
  /** Undefined when there is no symbol in the picture. */
  readonly text: string | undefined
}

/** Pixels of the short side that are looked at: the largest symbol that is shown needs them, and more only cost time. */
const SHORT_SIDE = 720
/** Milliseconds after which a worker that does not answer never will. */
const ANSWER_WITHIN_MS = 5_000

/** Neither a worker nor the page itself can read pictures in this browser. */
export class ReaderUnable extends Error {
  override name = 'ReaderUnable'
}

/** A worker that failed once fails again: its file is gone, or the browser has no OffscreenCanvas. The page then looks itself. */
let isWorkerUnable = false

/** Reads one picture at a time, in a worker where that works, so that a slow phone's buttons answer meanwhile. */
export class Decoder {
  #worker: Worker | undefined

  /** Whether the page itself looks, which costs it the time. */
  get isOnPage(): boolean {
    return isWorkerUnable
  }

  /**
   * @returns undefined when there is no symbol in the picture
   * @throws ReaderUnable
   * @throws DOMException when it is no picture, or a camera that was just taken away
   */
  async read(source: HTMLVideoElement | Blob): Promise<string | undefined> {
    if (typeof createImageBitmap === 'undefined') throw new ReaderUnable('this browser takes no pictures')
    const picture = await createImageBitmap(source)
    const { width, height } = sizeOf(picture)
    if (!isWorkerUnable) {
      try {
        return await this.#ask({ picture, width, height })
      } catch {
        isWorkerUnable = true
        this.close()
        // The picture went with the worker.
        return this.read(source)
      }
    }
    try {
      return decodeOnPage({ picture, width, height })
    } catch (cause) {
      throw new ReaderUnable('this browser reads no pictures', { cause })
    } finally {
      picture.close()
    }
  }

  close(): void {
    this.#worker?.terminate()
    this.#worker = undefined
  }

  async #ask(look: Look): Promise<string | undefined> {
    this.#worker ??= new Worker(new URL('./decode.worker.ts', import.meta.url), { type: 'module' })
    const worker = this.#worker
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error('the code reader does not answer')), ANSWER_WITHIN_MS)
        worker.onmessage = ({ data }: MessageEvent<Seen>) => resolve(data.text)
        worker.onerror = () => reject(new Error('the code reader does not start'))
        worker.postMessage(look, [look.picture])
      })
    } finally {
      clearTimeout(timer)
    }
  }
}

function sizeOf(picture: ImageBitmap): { readonly width: number; readonly height: number } {
  const scale = Math.min(1, SHORT_SIDE / Math.min(picture.width, picture.height))
  return { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) }
}

function decodeOnPage({ picture, width, height }: Look): string | undefined {
  const canvas = document.createElement('canvas')
  Object.assign(canvas, { width, height })
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (context === null) throw new Error('no canvas')
  context.drawImage(picture, 0, 0, width, height)
  return decodeQR(context.getImageData(0, 0, width, height))
}
