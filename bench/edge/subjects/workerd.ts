import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Edge, startEdge } from '../../../dev/workerd.ts'
import { childListeningOn, cpuMs } from '../process.ts'
import type { World } from '../world.ts'

/** A Worker in a workerd of its own, together with the stand-ins for what surrounds it (bench/sink). */
export interface Workerd {
  readonly edge: Edge
  readonly url: string
  readonly port: number
  readonly pid: number
  cpuMs(): number
  /** D1's file, which is read beside workerd so that looking costs it nothing. */
  d1File(): Promise<string>
  stop(): Promise<void>
}

const SINK = fileURLToPath(new URL('../../sink/wrangler.toml', import.meta.url))

/** @param config the Worker's wrangler config */
export async function startWorkerd(name: string, config: string, world: World): Promise<Workerd> {
  const dir = await mkdtemp(join(tmpdir(), `molam-edge-bench-${name}-`))
  const vars = { ...world.secrets, ...world.issuer.vars, ENVIRONMENT: 'development' }
  const edge = await startEdge({ persistTo: dir, vars, configs: [config, SINK] })
  const port = Number(new URL(edge.url).port)
  const pid = childListeningOn(port)
  return {
    edge,
    url: edge.url,
    port,
    pid,
    cpuMs: () => cpuMs(pid),
    async d1File() {
      const at = join(dir, 'v3/d1')
      const files = await readdir(at, { recursive: true })
      const file = files.find((found) => found.endsWith('.sqlite') && !found.includes('metadata'))
      if (file === undefined) throw new Error('no file of D1')
      return join(at, file)
    },
    async stop() {
      await edge.dispose()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
