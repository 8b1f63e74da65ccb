import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

/** Who may import whom (docs/architecture.md): a row says what a folder's files may reach, besides themselves. */
const root = resolve(import.meta.dirname, '../..')

const MAY_REACH: Record<string, readonly string[]> = {
  'src/protocol': [],
  'src/crypto': ['src/protocol'],
  'src/risk': ['src/protocol'],
  'src/device/sdk': ['src/protocol', 'src/crypto'],
  'src/device/browser': ['src/protocol', 'src/crypto', 'src/device/sdk'],
  'src/device/qr': ['src/protocol'],
  'src/device/relay': ['src/protocol', 'src/device/sdk'],
  'src/ui': ['src/protocol', 'src/device/sdk', 'src/device/qr'],
  reconciler: ['src/protocol', 'src/crypto', 'src/risk'],
}

/** Packages that a folder may use; a platform's modules are packages like any other. */
const MAY_USE: Record<string, RegExp> = {
  'src/protocol': /^$/,
  'src/crypto': /^(hpke|@panva\/hpke-noble|@noble\/|zod$)/,
  'src/risk': /^zod$/,
  'src/device/browser': /^idb$/,
  'src/device/qr': /^(qr|qr\/decode\.js|@noble\/hashes\/sha2\.js)$/,
  'src/device/relay': /^$/,
  'src/ui': /^react$/,
  'src/device/sdk': /^@noble\//,
}

/** Names of a platform that shared code must not lean on. */
const PLATFORM = /\b(?:Buffer|process|window|document|navigator|localStorage|indexedDB|DurableObject\w*)\b(?!['":])/

const files = (folder: string) =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts') || name.endsWith('.tsx'))
    .map((name) => join(folder, name))

function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8')
  return [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}

it.each(Object.entries(MAY_REACH))('%s imports of ours only what it may', (folder, allowed) => {
  const own = files(folder)
  expect(own.length).toBeGreaterThan(0)
  const wrong = own.flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(root, resolve(root, dirname(file), name)))
      .filter((target) => ![folder, ...allowed, 'migrations'].some((place) => target.startsWith(`${place}/`)))
      .map((target) => `${file} → ${target}`),
  )
  expect(wrong).toEqual([])
})

it.each(Object.entries(MAY_USE))('%s uses only the packages it may', (folder, allowed) => {
  const wrong = files(folder).flatMap((file) =>
    importsOf(file)
      .filter((name) => !name.startsWith('.') && !allowed.test(name))
      .map((name) => `${file} → ${name}`),
  )
  expect(wrong).toEqual([])
})

it.each(['src/protocol', 'src/device/sdk', 'src/device/qr', 'src/device/relay'])('%s names no platform', (folder) => {
  const wrong = files(folder).flatMap((file) => {
    const code = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    return PLATFORM.test(code) ? [`${file}: ${PLATFORM.exec(code)?.[0]}`] : []
  })
  expect(wrong).toEqual([])
})
