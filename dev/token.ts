import { join } from 'node:path'
import { ROLES, type Role } from '../src/edge/auth/person.ts'
import { devTokens } from './issuer.ts'

/**
 * Prints a token for the stack that `npm start` runs:
 *
 *   npm run -s token -- <subject> <role>[,<role>] [<tenant>]
 */
const [subject, roles = '', tenant] = process.argv.slice(2)
const wanted = roles.split(',')
const isRole = (role: string): role is Role => (ROLES as readonly string[]).includes(role)

if (subject === undefined || !wanted.every(isRole)) {
  console.error(`npm run -s token -- <subject> <role>[,<role>] [<tenant>]; roles: ${ROLES.join(', ')}`)
  process.exit(1)
}
// The key that `npm start` keeps, and where its issuer listens (dev/start.ts).
const token = await devTokens(join(import.meta.dirname, '../.data/issuer.json'), 'http://127.0.0.1:8789')
console.log(await token(subject, wanted, '12h', tenant))
