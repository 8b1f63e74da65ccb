import { registerDevice } from '../../../dev/fleet/admin.ts'
import { openEdge } from '../../../reconciler/tell/edge.ts'
import { importHmacKey } from '../../../src/crypto/hmac.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { edgeConfig } from '../config.ts'
import type { Device } from '../fleet.ts'
import { writeRoomyPolicies } from '../policy.ts'
import { ReadModel } from '../read-model.ts'
import type { World } from '../world.ts'
import { registerAll, type Subject } from './subject.ts'
import { startWorkerd, type Workerd } from './workerd.ts'

/** The edge as it is deployed. */
export interface EdgeSubject extends Subject, Pick<Workerd, 'd1File'> {}

const CONFIRMED_AT_ONCE = 100

/**
 * @param project the directory of the edge's sources
 * @param main another entry that wraps it
 */
export async function startEdgeSubject(world: World, project: string, main?: string): Promise<EdgeSubject> {
  const workerd = await startWorkerd('edge', await edgeConfig(project, main), world)
  const db = await workerd.edge.miniflare.getD1Database('DB', 'molam-offline')
  await writeRoomyPolicies(db, world.secrets)
  const readModel = new ReadModel(await workerd.d1File())
  return {
    ...workerd,
    name: 'edge',
    isTold: true,
    register: (devices) => register(workerd.url, devices, world),
    watch: async () => readModel.watch(Date.now()),
    async stop() {
      readModel.close()
      await workerd.stop()
    },
  }
}

/** With the admin API, as an operator's tool does: with the consent by which agents pay, with which their facts change once. */
async function register(url: string, devices: readonly Device[], world: World): Promise<void> {
  await registerAll(devices, ({ id, ownerWallet, signer }) =>
    registerDevice(url, world.token, { deviceId: id, country: 'SN', ownerWallet, signer }, world.second),
  )
  // Else the objects would tell the reconciler of it again and again.
  const key = await importHmacKey(fromBase64url(world.secrets.INTERNAL_HMAC_KEY))
  const edge = openEdge(url, key, fetch, Date.now)
  for (let at = 0; at < devices.length; at += CONFIRMED_AT_ONCE) {
    const slice = devices.slice(at, at + CONFIRMED_AT_ONCE)
    await edge.confirm(slice.map(({ id }) => ({ kind: 'device_recorded', deviceId: id, rev: 2 })))
  }
}
