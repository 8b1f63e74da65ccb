import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../src/crypto/hmac.ts'
import { fromBase64url } from '../../src/protocol/bytes.ts'
import { API_URL } from '../settings.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

/** The cron runs: objects are woken, and move what they need not keep. */
const sweep: Operation = {
  weight: 2,
  async run({ edge }) {
    const came = await edge.cron().then(
      () => 'done',
      () => 'it fails',
    )
    return `(the cron) sweeps: ${came}`
  },
}

const TRIES = 3

/** An operator has the read model made again for a device, while everybody goes on. */
const rebuild: Operation = {
  weight: 1,
  async run(world, device, random) {
    const run = `sim-${random.between(0, 1e9)}`.padEnd(12, '0')
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const status = await rebuilt(world, device.id, run).catch(() => undefined)
      if (status === 200) return 'is shown again from its object: done'
      // Dying in the middle is mended by asking again.
      await world.scheduler.sleep(random.between(1_000, 60_000))
    }
    return await whenQuiet(world, device.id, run)
  },
}

/** Nobody leaves it half done: the command says where to go on, and an operator does. */
async function whenQuiet(world: World, deviceId: string, run: string): Promise<string> {
  for (;;) {
    if ((await rebuilt(world, deviceId, run).catch(() => undefined)) === 200)
      return 'is shown again from its object, late'
    await world.scheduler.sleep(10 * 60_000)
  }
}

async function rebuilt({ edge, secrets, scheduler }: World, deviceId: string, run: string): Promise<number> {
  const key = await importHmacKey(fromBase64url(secrets.INTERNAL_HMAC_KEY))
  const path = `/internal/rebuild?${new URLSearchParams({ device_id: deviceId, run, by: 'operator:sim' })}`
  const signed = await signServiceCall(key, { method: 'POST', path, body: new Uint8Array() }, scheduler.nowMs)
  const answer = await edge.fetch(
    new Request(API_URL + path, { method: 'POST', headers: { [SERVICE_HEADER]: signed } }),
  )
  await answer.body?.cancel()
  return answer.status
}

export const readModel = { sweep, rebuild }
