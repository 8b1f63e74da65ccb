/** Conditions of a list: those that are asked for, with their values in order. Texts of this code, never of a request. */
export function whereOf(terms: readonly (readonly [term: string, ...values: (SqlStorageValue | undefined)[]])[]): {
  readonly where: string
  readonly values: readonly SqlStorageValue[]
} {
  const asked = terms.filter(([, ...values]) => values.every((value) => value !== undefined))
  return {
    where: asked.length === 0 ? '' : `WHERE ${asked.map(([term]) => term).join(' AND ')}`,
    values: asked.flatMap(([, ...values]) => values as SqlStorageValue[]),
  }
}
