import { DurableObject } from 'cloudflare:workers'
import { reserve } from './person-day.ts'
import type { Reservation, Reserved } from './reservation.ts'

/**
 * The Person Object: what one person votes about in a day, over all devices. Device Objects know nothing of one another, and
 * a reviewer works on many at once; this is the one place that sees all votes of a person one after the other. Its name is the
 * actor's, as the edge verified it.
 *
 *   a Device Object is about to count a vote → reserve → the vote counts, alone or with a second person
 *
 * A process that dies in between leaves a reservation without a vote: the day is a little fuller than it need be, and the
 * same vote again finds its own reservation.
 */
export class PersonObject extends DurableObject {
  reserve(asked: Reservation): Reserved {
    return this.ctx.storage.transactionSync(() => reserve(this.ctx.storage.sql, asked, Date.now()))
  }
}
