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

/** One worker that reads one picture at a time. */
export class Decoder {
  readonly #worker = new Worker(new URL('./decode.worker.ts', import.meta.url), { type: 'module' })

  /**
   * @param picture is closed by it
   * @throws Error when the worker could not be started
   */
  read(picture: ImageBitmap): Promise<string | undefined> {
    const worker = this.#worker
    const scale = Math.min(1, SHORT_SIDE / Math.min(picture.width, picture.height))
    const [width, height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)]
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Seen>) => resolve(data.text)
      worker.onerror = () => reject(new Error('the code reader does not start'))
      worker.postMessage({ picture, width, height } satisfies Look, [picture])
    })
  }

  close(): void {
    this.#worker.terminate()
  }
}
