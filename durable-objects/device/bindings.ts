import type { IndexMessage } from '../../src/edge/store/index-message.ts'
import type { Country } from '../../src/protocol/policy.ts'
import type { Result } from '../../src/protocol/result.ts'
import type { CountryObject } from '../country/country-object.ts'
import type { PersonObject } from '../person/person-object.ts'
import type { Identity } from './device.ts'

interface Identities {
  idFromName(deviceId: string): DurableObjectId
  get(id: DurableObjectId): { identity(): Promise<Result<Identity, 'not_found'>> }
}

/** What a Device Object needs of the Worker's bindings. Its settings are read through `configOf`. */
export interface DeviceBindings {
  readonly SETTLE_QUEUE: Queue<Uint8Array>
  readonly INDEX_QUEUE: Queue<IndexMessage>
  /** Signed bundles that were settled long ago (device/bytes/bucket.ts). */
  readonly BUNDLES: R2Bucket
  /** By device id: other devices, of which an object asks who they are. */
  readonly DEVICE: Identities
  /** By the country. */
  readonly COUNTRY: DurableObjectNamespace<CountryObject>
  /** By the name of the actor. */
  readonly PERSON: DurableObjectNamespace<PersonObject>
}

export function countryStub(env: Pick<DeviceBindings, 'COUNTRY'>, country: Country): DurableObjectStub<CountryObject> {
  return env.COUNTRY.get(env.COUNTRY.idFromName(country), { locationHint: 'afr' })
}

/** @param actor as the audit names a person */
export function personStub(env: Pick<DeviceBindings, 'PERSON'>, actor: string): DurableObjectStub<PersonObject> {
  return env.PERSON.get(env.PERSON.idFromName(actor), { locationHint: 'afr' })
}
