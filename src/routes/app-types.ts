import type { Env } from '../env.ts'

/** What Hono's context carries in every route. */
export interface App {
  Bindings: Env
  Variables: { requestId: string }
}
