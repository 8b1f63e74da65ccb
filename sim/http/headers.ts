type Init = SimulatedHeaders | Headers | Readonly<Record<string, string>> | Iterable<readonly string[]>

/** RFC 9110 §5.6.2: what a field's name is made of. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What no field's value holds: an end of line, or what is not a byte. */
const REFUSED = /[\0\r\n]|[^\0-\xff]/

/** `Headers`, without cookies. */
export class SimulatedHeaders {
  readonly #fields = new Map<string, string>()

  /** @throws TypeError */
  constructor(init?: Init) {
    if (init === undefined || init === null) return
    if (init instanceof SimulatedHeaders) this.#fields = new Map(init.#fields)
    else if (Symbol.iterator in init) for (const [name, value] of init) this.append(String(name), String(value))
    else for (const [name, value] of Object.entries(init)) this.append(name, value)
  }

  append(name: string, value: string): void {
    const before = this.get(name)
    this.set(name, before === null ? value : `${before}, ${checkedValue(value)}`)
  }

  delete(name: string): void {
    this.#fields.delete(checkedName(name))
  }

  get(name: string): string | null {
    return this.#fields.get(checkedName(name)) ?? null
  }

  getSetCookie(): string[] {
    return []
  }

  has(name: string): boolean {
    return this.#fields.has(checkedName(name))
  }

  set(name: string, value: string): void {
    this.#fields.set(checkedName(name), checkedValue(value))
  }

  /** Sorted by name, as everywhere. */
  entries(): IterableIterator<[string, string]> {
    return [...this.#fields].sort(([a], [b]) => (a < b ? -1 : 1)).values()
  }

  keys(): IterableIterator<string> {
    return [...this.#fields.keys()].sort().values()
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value
  }

  forEach(each: (value: string, name: string, headers: SimulatedHeaders) => void): void {
    for (const [name, value] of this.entries()) each(value, name, this)
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }
}

function checkedName(name: string): string {
  if (!TOKEN.test(name)) throw new TypeError(`not the name of a field: ${name}`)
  return name.toLowerCase()
}

function checkedValue(value: string): string {
  const text = String(value)
  if (REFUSED.test(text)) throw new TypeError('not the value of a field')
  return text.trim()
}
