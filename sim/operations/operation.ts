import type { SimDevice } from '../people/device.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'

/** Something that a person does, or that happens to a device. */
export interface Operation {
  /** How often it comes among the others. */
  readonly weight: number
  /** @returns what came of it, as a sentence goes on: `takes 500 F from …` */
  readonly run: (world: World, device: SimDevice, random: Random) => Promise<string>
}
