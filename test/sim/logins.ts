import type { LoginUrls } from '../../dev/postgres.ts'

/** Of a book that is simulated: there is nobody to log in to. */
export const LOGINS: LoginUrls = {
  record: 'postgres://record@book.sim/molam',
  settle: 'postgres://settle@book.sim/molam',
  read: 'postgres://read@book.sim/molam',
}
