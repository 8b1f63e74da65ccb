/** What an error of the runtime itself is marked with (src/edge/app.ts, `passes`). */
interface Marks {
  readonly retryable?: boolean
  readonly overloaded?: boolean
  readonly durableObjectReset?: boolean
}

const marked = (message: string, marks: Marks): Error => Object.assign(new Error(message), { remote: true, ...marks })

/** The instance was gone before its answer could leave. */
export const objectReset = () =>
  marked('Durable Object reset because its instance is gone', { retryable: true, durableObjectReset: true })

export const objectOverloaded = () => marked('Durable Object is overloaded', { overloaded: true })

/** The call or its answer was lost on the way. */
export const connectionLost = () => marked('Network connection lost.', { retryable: true })

/** A value as it arrives. Classes stay behind, as in workerd. @throws DataCloneError for what cannot travel */
export const travelled = <T>(value: T): T => copied(value) as T

const isPlain = (value: unknown) => typeof value !== 'function' && typeof value !== 'symbol'

/** `structuredClone` takes long for the plain values that most calls consist of. */
function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return isPlain(value) ? value : structuredClone(value)
  if (Array.isArray(value)) return value.map(copied)
  switch (Object.getPrototypeOf(value)) {
    case Object.prototype: {
      const copy: Record<string, unknown> = {}
      for (const key of Object.keys(value)) copy[key] = copied((value as Readonly<Record<string, unknown>>)[key])
      return copy
    }
    case Uint8Array.prototype:
      return new Uint8Array(value as Uint8Array)
    case ArrayBuffer.prototype:
      return (value as ArrayBuffer).slice(0)
    default:
      return structuredClone(value)
  }
}

const BUILT_IN = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }

/** An error as it arrives: with its message, its name, and no class of ours. */
export function travelledError(error: unknown): unknown {
  if (!(error instanceof Error)) return travelled(error)
  const Class = Object.hasOwn(BUILT_IN, error.name) ? BUILT_IN[error.name as keyof typeof BUILT_IN] : Error
  const arrived = Object.assign(new Class(error.message), { remote: true })
  if (arrived.name !== error.name) arrived.name = error.name
  return arrived
}
