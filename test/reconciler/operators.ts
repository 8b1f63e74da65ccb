import pg from 'pg'
import { afterAll, beforeAll, inject } from 'vitest'
import type { Database } from './open-database.ts'

export interface Operator {
  /** The login, as the audit names it behind `operator:`. */
  readonly name: string
  /** `OPERATOR_DATABASE_URL` of this person. */
  readonly url: string
  /** A session of theirs, as the commands have it. */
  readonly session: pg.Pool
}

/** Logins of people, for the test file that calls this. @param memberships roles of each login */
export function useOperators<const N extends string>(
  db: () => Database,
  memberships: Readonly<Record<N, string>>,
): () => Readonly<Record<N, Operator>> {
  const { adminUrl } = inject('postgres')
  const names = Object.keys(memberships) as N[]
  const suffix = crypto.randomUUID().slice(0, 8)
  const login = (name: string) => `${name}_${suffix}`
  let operators: Record<N, Operator> | undefined

  const asAdmin = async (statements: readonly string[]) => {
    const admin = new pg.Client(adminUrl)
    await admin.connect()
    for (const sql of statements) await admin.query(sql)
    await admin.end()
  }

  beforeAll(async () => {
    await asAdmin(names.map((name) => `CREATE ROLE ${login(name)} LOGIN PASSWORD 'molam' ${memberships[name]}`))
    const made = names.map((name) => {
      const url = db().ownerUrl.replace(/\/\/[^@]*@/, `//${login(name)}:molam@`)
      const session = new pg.Pool({ connectionString: url, max: 4, options: '-c role=molam_operator' })
      session.on('error', () => undefined)
      return [name, { name: login(name), url, session }] as const
    })
    operators = Object.fromEntries(made) as Record<N, Operator>
  })
  afterAll(async () => {
    await Promise.all(Object.values<Operator>(operators ?? {}).map(({ session }) => session.end()))
    await asAdmin(names.map((name) => `DROP ROLE ${login(name)}`))
  })
  return () => {
    if (operators === undefined) throw new Error('the operators are there from beforeAll on')
    return operators
  }
}
