import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

const MINUTE_MS = 60_000
const halted = new WeakSet<World>()

/**
 * Somebody finds the book wrong and halts settlement; later two people let it go on. Promise: nothing is posted meanwhile. That
 * everything is afterwards, and once, is asked of all that came in when all is quiet.
 */
export const halt: Operation = {
  weight: 0.6,
  async run(world, _device, random) {
    const { book, scheduler } = world
    if (halted.has(world)) return '(verifier) finds settlement halted already'
    halted.add(world)
    await book.halt(true)
    const before = await book.transfers()
    const minutes = random.between(1, 90)
    await scheduler.sleep(minutes * MINUTE_MS)
    const after = await book.transfers()
    if (after !== before) world.wrong.push(`${after - before} transfers were posted while settlement was halted`)
    await book.halt(false)
    halted.delete(world)
    return `(verifier) has halted settlement for ${minutes} minutes`
  },
}
