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

/** A list to be read. */
interface Listing {
  readonly select: string
  readonly where: Where
  readonly orderBy: string
}

/** One page: `limit` rows and one more, which says that there are more. */
export async function selectPage<T>(
  db: D1Database,
  select: string,
  where: Where,
  orderBy: string,
  limit: number,
): Promise<readonly T[]> {
  return (await statementFor(db, { select, where, orderBy }, limit).all<T>()).results
}

/** A page of each, in one call. */
export async function selectPages(
  db: D1Database,
  listings: readonly Listing[],
  limit: number,
): Promise<readonly (readonly unknown[])[]> {
  if (listings.length === 0) return []
  const pages = await db.batch(listings.map((listing) => statementFor(db, listing, limit)))
  return pages.map(({ results }) => results)
}

function statementFor(db: D1Database, { select, where, orderBy }: Listing, limit: number): D1PreparedStatement {
  return db.prepare(`${select} ${where.sql} ORDER BY ${orderBy} LIMIT ?`).bind(...where.values, limit + 1)
}
