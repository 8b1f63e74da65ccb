import type { DeviceBindings } from '../../durable-objects/device/bindings.ts'
import type { DeviceObject } from '../../durable-objects/device/device-object.ts'

/** What wrangler.toml binds. Texts are read through config.ts only. */
export interface Env extends DeviceBindings {
  readonly DEVICE: DurableObjectNamespace<DeviceObject>
  readonly DB: D1Database
  readonly PUSH_RATE: RateLimit
  /** One in its window: whether something was seen before (ingest/signed-quota.ts). */
  readonly FIRST_RATE: RateLimit
  readonly REPEAT_RATE: RateLimit
  readonly ADDRESS_RATE: RateLimit
}

declare global {
  namespace Cloudflare {
    // The runtime's own types (tests, `ctx.exports`) look the bindings up here.
    interface Env extends Bindings {}
  }
}
type Bindings = Env

/** Bundles of West African devices are admitted near them. */
export function deviceStub(env: Pick<Env, 'DEVICE'>, deviceId: string): DurableObjectStub<DeviceObject> {
  return env.DEVICE.get(env.DEVICE.idFromName(deviceId), { locationHint: 'afr' })
}
