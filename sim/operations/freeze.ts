import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

/** A wallet is frozen, or a frozen one is not any more. */
export const freeze: Operation = {
  weight: 0.6,
  async run(world, _device, random) {
    const { wallet } = random.pick(world.wallets)
    if (world.frozen.has(wallet)) return thaw(world, wallet)
    world.frozen.set(wallet, (await world.book.balances()).get(wallet) ?? 0)
    world.book.freeze(wallet, true)
    return `(ops) freezes ${wallet}`
  },
}

/** Promise: no money left or reached it meanwhile. @returns what was done */
export async function thaw(world: World, wallet: string): Promise<string> {
  const before = world.frozen.get(wallet)
  const after = (await world.book.balances()).get(wallet) ?? 0
  world.frozen.delete(wallet)
  world.book.freeze(wallet, false)
  if (after !== before) world.wrong.push(`${wallet} was frozen with ${before} F, and had ${after} F when it was thawed`)
  return `(ops) thaws ${wallet}`
}
