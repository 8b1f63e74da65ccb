import { type Enrolment, type EnrolOptions, enrolSigner } from '../sdk/enrol.ts'
import { OfflineError } from '../sdk/errors.ts'
import { type BrowserKeyStore, browserKeyStore } from './key-store.ts'

export interface EnrolDeviceOptions extends Omit<EnrolOptions, 'signer'> {
  /** Default: the one of the default database. */
  readonly keyStore?: BrowserKeyStore
}

/**
 * Makes this browser a device: makes its key, proves it to the edge with the one-time code, and remembers who it is once
 * the edge said so. Cut off anywhere, or its answer lost, it is simply called again with the same code.
 *
 * @throws OfflineError of `enrolSigner`; `key_mismatch` when this browser is another device, `key_missing` when the key
 * that it was enrolled with is gone (see `forgetDevice`), `key_locked`
 * @throws DOMException when the keys cannot be stored: nothing was sent
 * @example
 * if ((await currentDevice()) === undefined) {
 *   await enrolDevice({ apiUrl: location.origin, deviceId: 'POS-001', code: input.value })
 * }
 */
export async function enrolDevice(options: EnrolDeviceOptions): Promise<Enrolment> {
  const { keyStore = browserKeyStore(), ...request } = options
  try {
    const known = await keyStore.enrolled()
    if (known !== undefined && known.deviceId !== request.deviceId) {
      throw new OfflineError('key_mismatch', { detail: `this browser is ${known.deviceId}` })
    }
    await keyStore.create()
    const loaded = await keyStore.load()
    if (loaded.status !== 'ready') throw new OfflineError(loaded.status === 'locked' ? 'key_locked' : 'key_missing')
    const enrolment = await enrolSigner({ ...request, signer: loaded.signer })
    await keyStore.rememberEnrolled({ ...enrolment, apiUrl: request.apiUrl })
    return enrolment
  } finally {
    if (options.keyStore === undefined) keyStore.close()
  }
}
