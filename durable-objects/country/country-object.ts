import { DurableObject } from 'cloudflare:workers'
import type { BundleRow } from '../../src/edge/store/index-message.ts'
import type { DeniedPass } from '../../src/protocol/denied.ts'
import { keepDenied, readDenied } from './denied.ts'
import {
  type AskedConsent,
  type DeviceFilter,
  expectDevice,
  type KnownDevice,
  keepDevice,
  lastSweptMs,
  listedRev,
  markSwept,
  nextToSweep,
  readAsked,
  readDevices,
  type SweepPlace,
} from './devices.ts'
import type { Listing } from './listing.ts'
import { keepProposals, keepVersions } from './policies.ts'
import { createSchema } from './schema.ts'
import { keepBundle, readWaiting, summariseWaiting, type WaitingFilter, type WaitingSummary } from './waiting.ts'

/** What a function of a store takes besides the storage. */
type Rest<F> = F extends (sql: SqlStorage, ...rest: infer R) => unknown ? R : never

/**
 * The Country Object: what people of a country must see, whatever becomes of the read model. It knows which devices there are, and what
 * of them waits. It keeps what people made of the
 * policy, too. Its name is the country's.
 *
 *   a device's object changed → list (what changed since the last time) → people ask → shown, and the read model compared
 *
 * Each Device Object owes it what changed, until it has answered how far it knows: a death in between loses nothing, what comes twice
 * or late changes nothing, and were all of this lost, each object would tell all of it again.
 */
export class CountryObject extends DurableObject {
  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env as never)
    createSchema(ctx.storage.sql)
  }

  /** @returns the listing rev up to which this object knows the device now: the next listing goes on there */
  list(listing: Listing): number {
    const { sql } = this.ctx.storage
    return this.ctx.storage.transactionSync(() => {
      const known = listedRev(sql, listing.device.deviceId)
      // Something before it never came, or something newer came sooner.
      if (listing.from > known || listing.through <= known) return known
      keepDevice(sql, listing, Date.now())
      keepDenied(sql, listing.device.deviceId, listing.denied, Date.now())
      for (const bundle of listing.bundles) keepBundle(sql, bundle)
      return listing.through
    })
  }

  /** There may be an object of this id from now on. */
  expect(deviceId: string): void {
    expectDevice(this.ctx.storage.sql, deviceId)
  }

  devices(filter: DeviceFilter, limit: number): readonly KnownDevice[] {
    return readDevices(this.ctx.storage.sql, filter, limit)
  }

  /** Passes that takers must not believe, and those that they may again: the newest changes, in their order. */
  deniedPasses(limit: number): readonly DeniedPass[] {
    return readDenied(this.ctx.storage.sql, limit, Date.now())
  }

  /** Bundles that wait. */
  waiting(filter: WaitingFilter, limit: number): readonly BundleRow[] {
    return readWaiting(this.ctx.storage.sql, filter, limit)
  }

  /** What one person asked for and another one may confirm. */
  askedConsents(filter: Parameters<typeof readAsked>[1], limit: number): readonly AskedConsent[] {
    return readAsked(this.ctx.storage.sql, filter, limit, Date.now())
  }

  /** @returns the newest of all versions that this object keeps, these included */
  policyVersions(...[rows, limit]: Rest<typeof keepVersions>): ReturnType<typeof keepVersions> {
    return keepVersions(this.ctx.storage.sql, rows, limit)
  }

  /** @returns the newest of all proposals that this object keeps, these included */
  policyProposals(...[rows, filter, limit]: Rest<typeof keepProposals>): ReturnType<typeof keepProposals> {
    return keepProposals(this.ctx.storage.sql, rows, filter, limit)
  }

  nextToSweep(limit: number): readonly SweepPlace[] {
    return nextToSweep(this.ctx.storage.sql, limit)
  }

  markSwept(deviceIds: readonly string[]): void {
    markSwept(this.ctx.storage.sql, deviceIds, Date.now())
  }

  summary(): WaitingSummary & { readonly sweptAtMs: number | null } {
    const { sql } = this.ctx.storage
    return { ...summariseWaiting(sql), sweptAtMs: lastSweptMs(sql) }
  }
}
