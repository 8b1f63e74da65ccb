import type { Context } from 'hono'
import type { ProblemCode } from '../../protocol/problems.ts'
import type { Person } from '../auth/person.ts'
import type { Env } from '../env.ts'

/** What Hono's context carries in every route. */
export interface App {
  Bindings: Env
  Variables: {
    requestId: string
    /** The problem that was answered, for the log. */
    problem?: ProblemCode
    /** The device that signed the request; set once the signature holds. */
    deviceId?: string
    /** Whoever sent the request has proved who they are: a device, a person or a service. */
    isVerified?: true
    /** Set by the guard of a route that people call. */
    person?: Person
    /** The body, where it was read before the handler. */
    body?: Uint8Array
  }
}

/** The person who makes this request. @throws on a route that lets others call it: that is our mistake, not theirs */
export function personOf(c: Context<App>): Person {
  const person = c.get('person')
  if (person === undefined) throw new Error('no person on this route')
  return person
}

/** A device has signed this request. */
export function provenBy(c: Context<App>, deviceId: string): void {
  c.set('deviceId', deviceId)
  c.set('isVerified', true)
}
