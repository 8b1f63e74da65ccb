import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { enrolSigner, OfflineError } from '../../src/device/sdk/index.ts'
import type { SimDevice } from '../people/device.ts'
import { newScalar } from '../people/keys.ts'
import type { World } from '../world.ts'
import { setBack } from './accidents.ts'
import type { Operation } from './operation.ts'

const CODES = '/offline/devices/enrolment-codes'

/** A till is lost with its key; its owner enrols another under the same name, by a one-time code, and goes on. */
export const replaceTill: Operation = {
  weight: 0.3,
  async run(world, device, random) {
    if (device.isReplaced) return 'was replaced already'
    // The new one makes its key before it asks: an answer may be lost.
    device.isReplaced = true
    device.privateKey = newScalar(random)
    // A backup of the other till is sealed to a key that is gone with it.
    world.backups.delete(device.id)
    await setBack(world, device, new Map())
    world.faults.count('key_lost', device.id)
    return `is replaced by another: ${await enrol(world, device)}`
  },
}

/** Enrols the device's own key with a fresh code. @returns `done`, or why not */
export async function enrol(world: World, device: SimDevice): Promise<string> {
  const { id, country, wallet, apiUrl } = device.facts
  const asked = { device_id: id, country, tenant: 'molam', owner_wallet: wallet }
  const made = await world.office.ask('ops', 'pay_admin', 'POST', CODES, asked).catch(() => undefined)
  const code = made?.body['code']
  if (typeof code !== 'string') return 'no code'
  const { scheduler } = world
  const platform = {
    fetch: device.network.fetch,
    suite: webCryptoSuite,
    clock: { nowMs: () => scheduler.nowMs + device.skewMs, monotonicMs: () => scheduler.monotonicMs },
  }
  try {
    await enrolSigner({
      apiUrl,
      deviceId: id,
      code,
      signer: await webCryptoSuite.es256Signer(device.privateKey),
      ...platform,
    })
    device.isReplaced = false
    await device.restart()
    // Consent was about the key that is gone.
    const paying = await world.office.consent(id).then(
      () => 'and pays',
      () => 'and only receives',
    )
    return `done, ${paying}`
  } catch (error) {
    if (!(error instanceof OfflineError)) throw error
    return error.code
  }
}
