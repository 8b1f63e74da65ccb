/**
 * Expected refusals are values: `Ok` carries what was asked for, `Err` the tagged reason with its evidence. Bugs and
 * outages throw.
 */
export type Ok<T> = { readonly ok: true; readonly value: T }
export type Err<E> = { readonly ok: false; readonly error: E }
export type Result<T, E> = Ok<T> | Err<E>

export const ok = <T>(value: T): Ok<T> => ({ ok: true, value })
export const err = <E>(error: E): Err<E> => ({ ok: false, error })

/** Turns a value that the type checker knows cannot exist into an exception, so that a new case cannot be forgotten. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
