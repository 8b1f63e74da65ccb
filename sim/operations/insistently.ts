import type { Answer } from '../people/office.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'

const TRIES = 3

/** A call that failed on its way is made again with the same key, as tools do. @returns `done`, or why not */
export async function insistently(
  world: World,
  random: Random,
  call: (key: string) => Promise<Answer>,
): Promise<string> {
  const key = crypto.randomUUID()
  for (let attempt = 1; ; attempt++) {
    try {
      const { status, body } = await call(key)
      if (status < 500 || attempt === TRIES) return status < 300 ? 'done' : String(body['code'] ?? status)
    } catch {
      if (attempt === TRIES) return 'no answer'
    }
    await world.scheduler.sleep(random.between(1_000, 60_000))
  }
}
