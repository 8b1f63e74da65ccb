import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { compileModuleRules, testRegExps, type V4ModuleDefinition, type V4ModuleRule } from 'miniflare'
import { unstable_readConfig as readConfig } from 'wrangler'

const run = promisify(execFile)
const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js')

/** The files of a bundle by their name; `root` is where they were, and are no more. */
export interface Bundle {
  readonly root: string
  readonly files: ReadonlyMap<string, Buffer>
}

const bundles = new Map<string, Promise<Bundle>>()

/**
 * Bundles a Worker with wrangler itself, so that what runs locally is what a deploy would upload: module rules,
 * aliases and compatibility flags of the config included. Costs about a second, once per config and process.
 */
export function bundleWorker(configPath: string): Promise<Bundle> {
  let bundle = bundles.get(configPath)
  if (bundle === undefined) {
    bundle = build(configPath)
    bundles.set(configPath, bundle)
    // A failed build may be tried again: the source can have been repaired meanwhile.
    bundle.catch(() => bundles.delete(configPath))
  }
  return bundle
}

async function build(configPath: string): Promise<Bundle> {
  await makePagesDirectory(configPath)
  const root = await mkdtemp(join(tmpdir(), 'molam-worker-'))
  const args = [wrangler, 'deploy', '--dry-run', '--outdir', root, '--config', configPath]
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', CI: '1' }
  try {
    await run(process.execPath, args, { env })
    const files = new Map<string, Buffer>()
    for (const name of await readdir(root)) files.set(name, await readFile(join(root, name)))
    return { root, files }
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`wrangler could not bundle ${configPath}:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** wrangler wants the pages' directory to be there; before they are built it is empty, and the Worker is all there is. */
async function makePagesDirectory(configPath: string): Promise<void> {
  const { assets } = readConfig({ config: configPath })
  if (assets?.directory !== undefined) await mkdir(join(dirname(configPath), assets.directory), { recursive: true })
}

/** The modules of a bundle, the main one first; what is not JavaScript has the type that the config's rules say. */
export function bundledModules({ root, files }: Bundle, rules: V4ModuleRule[]): V4ModuleDefinition[] {
  const compiled = compileModuleRules(rules)
  const modules: V4ModuleDefinition[] = []
  for (const [name, contents] of files) {
    if (name === 'README.md' || name.endsWith('.map')) continue
    const path = join(root, name)
    if (name.endsWith('.js')) modules.unshift({ type: 'ESModule', path, contents: contents.toString() })
    else {
      const rule = compiled.find(({ include }) => testRegExps(include, name))
      if (rule === undefined) throw new Error(`no module rule for ${name}`)
      modules.push({ type: rule.type, path, contents: rule.type === 'Text' ? contents.toString() : contents })
    }
  }
  return modules
}
