/** What came to people's telephones. In deep runs the gateway hears it from the reconciler, in shallow ones the model says it. */
export interface Text {
  readonly to: string
  readonly text: string
  readonly id: string
}

const CODE = /\d{8}$/

export class Telephones {
  readonly #texts = new Map<string, Text>()
  /** What cannot be, in sentences. */
  readonly wrong: string[] = []

  /** The same message may come any number of times. */
  took(text: Text): void {
    const before = this.#texts.get(text.id)
    if (before !== undefined && (before.to !== text.to || before.text !== text.text)) {
      this.wrong.push(`two different messages went out as ${text.id}`)
    }
    this.#texts.set(text.id, text)
  }

  /** @returns the code that went to this number for a request; undefined: none did */
  codeFor(to: string, deviceId: string, no: number): string | undefined {
    const text = this.#texts.get(`${deviceId}/${no}`)
    return text?.to === to ? CODE.exec(text.text)?.[0] : undefined
  }
}
