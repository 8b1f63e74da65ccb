import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** The project's source as the architecture's tests see it: files and what they import, types included. */
const root = resolve(import.meta.dirname, '../..')

const TOP = ['src', 'durable-objects', 'reconciler', 'dev', 'bench', 'sim']

/** Every source file, as a path from the project's root. */
export const files: readonly string[] = TOP.flatMap((folder) =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name)),
).sort()

interface Imports {
  /** Paths from the project's root. */
  readonly ours: readonly string[]
  readonly packages: readonly string[]
}

const found = new Map<string, Imports>()

export function importsOf(file: string): Imports {
  const known = found.get(file)
  if (known !== undefined) return known
  const source = readFileSync(join(root, file), 'utf8')
  const names = [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '')
  const [ours, packages] = [names.filter((name) => name.startsWith('.')), names.filter((name) => !name.startsWith('.'))]
  const imports = { ours: ours.map((name) => relative(root, resolve(root, dirname(file), name))), packages }
  found.set(file, imports)
  return imports
}
