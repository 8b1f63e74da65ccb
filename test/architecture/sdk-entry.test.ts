import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { expect, it } from 'vitest'

const sdk = resolve(import.meta.dirname, '../../src/device/sdk')

/** Everything that a module loads with it, types apart. */
function reach(entry: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(entry)) return found
  found.add(entry)
  if (!entry.startsWith('/')) return found
  const source = readFileSync(entry, 'utf8')
  for (const [, clause = '', name = ''] of source.matchAll(/^(?:import|export)\s([\w\s{},*]*?)\sfrom\s'([^']+)'/gm)) {
    const onlyTypes = /^type\s/.test(clause) || /^\{(?:\s*type\s[^,}]+,?)+\s*\}/.test(clause.trim())
    if (!onlyTypes) reach(name.startsWith('.') ? resolve(dirname(entry), name) : name, found)
  }
  return found
}

it('the core loads WebCrypto’s suite and not a line of noble', () => {
  const loaded = [...reach(`${sdk}/index.ts`)]
  expect(loaded).toContain(resolve(sdk, '../../crypto/webcrypto.ts'))
  expect(loaded.filter((name) => /noble/.test(name))).toEqual([])
})

it('the entry for runtimes without WebCrypto brings noble', () => {
  expect([...reach(`${sdk}/noble.ts`)].filter((name) => name.startsWith('@noble/'))).not.toEqual([])
})
