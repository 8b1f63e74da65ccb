import { fileURLToPath } from 'node:url'
import { ReadModel } from '../read-model.ts'
import type { World } from '../world.ts'
import { putDevice, registerAll, type Subject } from './subject.ts'
import { startWorkerd } from './workerd.ts'

/** The Workers that the edge is held against: the floor (bench/floor), and the bound (bench/bound). */
const configOf = (folder: string) => fileURLToPath(new URL(`../../${folder}/wrangler.toml`, import.meta.url))

export async function startFloor(world: World): Promise<Subject> {
  const workerd = await startWorkerd('floor', configOf('floor'), world)
  return {
    ...workerd,
    name: 'floor',
    isTold: false,
    register: (devices) => registerAll(devices, (device) => putDevice(workerd.url, device)),
    // A bundle ends with its answer.
    watch: async () => async () => {},
  }
}

export async function startBound(world: World): Promise<Subject> {
  const workerd = await startWorkerd('bound', configOf('bound'), world)
  const readModel = new ReadModel(await workerd.d1File())
  return {
    ...workerd,
    name: 'bound',
    isTold: true,
    register: (devices) => registerAll(devices, (device) => putDevice(workerd.url, device)),
    watch: async () => readModel.watch(Date.now()),
    async stop() {
      readModel.close()
      await workerd.stop()
    },
  }
}
