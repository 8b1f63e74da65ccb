import { rmSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'

/**
 * The edge's own wrangler.toml for a bench: everything stays, apart from what Miniflare stands in for at a cost that
 * production has not. Rate limits go to bench/sink, because Miniflare's write every count to a disk; pages are left out,
 * because Miniflare asks for them in a Worker of its own.
 *
 * @param main the entry instead of the edge's own, when it is wrapped
 */
export function edgeConfig(project: string, main = 'src/index.ts'): Promise<string> {
  const key = `${project} ${main}`
  const made = configs.get(key) ?? makeConfig(project, main)
  configs.set(key, made)
  return made
}

/** One each, for as long as this process lives: a Worker is bundled once for each path of a config. */
const configs = new Map<string, Promise<string>>()

async function makeConfig(project: string, main: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'molam-edge-bench-config-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  // Relative, as the config's other readers expect it.
  const at = (path: string) => relative(dir, resolve(project, path))
  const toml = await readFile(join(project, 'wrangler.toml'), 'utf8')
  const rates = [...toml.matchAll(/\[\[ratelimits\]\]\s+name = "([^"]+)"/g)].map(([, name]) => name)
  const changed = toml
    .replace('main = "src/index.ts"', `main = "${at(main)}"`)
    .replace('migrations_dir = "migrations/edge"', `migrations_dir = "${at('migrations/edge')}"`)
    .replaceAll(/\[\[ratelimits\]\][^[]*/g, '')
    .replace(/\[assets\][\s\S]*?\n\n/, '')
  const standIns = rates.map(
    (name) => `\n[[services]]\nbinding = "${name}"\nservice = "molam-bench-sink"\nentrypoint = "AnyRate"\n`,
  )
  const path = join(dir, 'wrangler.toml')
  await writeFile(path, changed + standIns.join(''))
  return path
}
