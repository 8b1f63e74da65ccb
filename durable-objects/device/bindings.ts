import type { IndexMessage } from '../../src/edge/store/index-message.ts'
import type { Result } from '../../src/protocol/result.ts'
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
  /** By the name of the actor. */
  readonly PERSON: DurableObjectNamespace<PersonObject>
}

/** @param actor as the audit names a person */
export function personStub(env: Pick<DeviceBindings, 'PERSON'>, actor: string): DurableObjectStub<PersonObject> {
  return env.PERSON.get(env.PERSON.idFromName(actor), { locationHint: 'afr' })
}
