/** What a message can be given, that is there as a whole. */
export type Whole = string | ArrayBuffer | ArrayBufferView | WholeBody | null | undefined

export const isWhole = (given: unknown): given is Whole =>
  given === undefined ||
  given === null ||
  typeof given === 'string' ||
  given instanceof ArrayBuffer ||
  ArrayBuffer.isView(given) ||
  given instanceof WholeBody

/** The stream of a body all of whose bytes are there. It is read once, as any other. */
export class WholeBody {
  readonly #bytes: Uint8Array<ArrayBuffer>
  #at = 0
  #isDisturbed = false
  #isLocked = false

  /** @param bytes that nobody else holds */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes
  }

  get isUsed(): boolean {
    return this.#isDisturbed
  }

  get locked(): boolean {
    return this.#isLocked
  }

  /** The whole of it. @throws TypeError when somebody has read of it, or holds its reader */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#isDisturbed || this.#isLocked) throw new TypeError('Body is unusable: it has already been read')
    this.#isDisturbed = true
    return this.#bytes
  }

  async cancel(): Promise<void> {
    this.#isDisturbed = true
    this.#at = this.#bytes.length
  }

  /** With the method that only workerd's readers have: `readAtLeast`. */
  getReader() {
    if (this.#isLocked) throw new TypeError('the stream is locked')
    this.#isLocked = true
    return {
      read: async () => this.#read(this.#bytes.length),
      readAtLeast: async (least: number, into: Uint8Array) => this.#read(Math.min(least, into.length)),
      cancel: () => this.cancel(),
      releaseLock: () => {
        this.#isLocked = false
      },
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const { done, value } = this.#read(this.#bytes.length)
    if (!done) yield value
  }

  #read(count: number): { readonly done: boolean; readonly value: Uint8Array } {
    this.#isDisturbed = true
    const value = this.#bytes.subarray(this.#at, this.#at + count)
    this.#at += value.length
    return { done: value.length === 0, value }
  }
}

const encoder = new TextEncoder()

/** @returns null when there is none */
export function bodyOf(given: Whole): WholeBody | null {
  if (given === undefined || given === null) return null
  if (given instanceof WholeBody) return new WholeBody(given.take())
  if (typeof given === 'string') return new WholeBody(encoder.encode(given))
  if (given instanceof ArrayBuffer) return new WholeBody(new Uint8Array(given.slice(0)))
  return new WholeBody(
    new Uint8Array(given.buffer, given.byteOffset, given.byteLength).slice() as Uint8Array<ArrayBuffer>,
  )
}
