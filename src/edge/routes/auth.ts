import type { Context } from 'hono'
import { err, type Result } from '../../protocol/result.ts'
import { authenticatePerson } from '../auth/authenticate.ts'
import { type Person, type Role, rolesAllow } from '../auth/person.ts'
import { storedKeys } from '../auth/stored-keys.ts'
import { authSettings } from '../auth/wiring.ts'
import { configOf } from '../config.ts'
import type { Refusal } from '../ingest/refusal.ts'
import type { App } from './app-types.ts'

/** Who makes this request, if one of these roles lets that person. */
export async function authenticate(c: Context<App>, allowed: readonly Role[]): Promise<Result<Person, Refusal>> {
  const { settings, macKey } = configOf(c.env)
  const keepAlive = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  const people = authSettings(
    settings,
    storedKeys(c.env.DB, () => macKey('issuer_keys')),
    keepAlive,
  )
  const person = await authenticatePerson(c.req.raw, people)
  if (!person.ok) return person
  c.set('isVerified', true)
  return rolesAllow(person.value, allowed) ? person : err({ code: 'forbidden' })
}
