/** Conditions of a list: those that are asked for, with their values in order. Column names are ours, values are bound. */
export class Where {
  readonly #terms: string[] = []
  readonly #values: unknown[] = []

  /** @param term with one `?` for each value; left out when the first value is undefined */
  and(term: string, ...values: readonly unknown[]): this {
    if (values.length > 0 && values[0] === undefined) return this
    this.#terms.push(term)
    this.#values.push(...values)
    return this
  }

  get sql(): string {
    return this.#terms.length === 0 ? '' : `WHERE ${this.#terms.join(' AND ')}`
  }

  get values(): readonly unknown[] {
    return this.#values
  }
}

/** One page: `limit` rows and one more, which says that there are more. */
export async function selectPage<T>(
  db: D1Database,
  select: string,
  where: Where,
  orderBy: string,
  limit: number,
): Promise<readonly T[]> {
  const statement = db.prepare(`${select} ${where.sql} ORDER BY ${orderBy} LIMIT ?`)
  return (await statement.bind(...where.values, limit + 1).all<T>()).results
}
