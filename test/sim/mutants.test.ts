import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { PGlite } from '@electric-sql/pglite'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from '../../sim/mutants/all.ts'
import { mutated } from '../../sim/mutants/plant.ts'

const ROOT = new URL('../../', import.meta.url)
const textOf = (file: string) => readFileSync(new URL(file, ROOT), 'utf8')

const inSql = MUTANTS.filter(({ file }) => file.endsWith('.sql'))
const inTypeScript = MUTANTS.filter(({ file }) => !file.endsWith('.sql'))

it('plants at least 40 faults, each under a name of its own', () => {
  const names = MUTANTS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThanOrEqual(40)
})

it.each(MUTANTS)('$name: a sentence says what promise it breaks', ({ breaks, missed = breaks }) => {
  expect(breaks).toMatch(/^[A-Z].*\.$/)
  expect(missed).toMatch(/^[A-Z].*\.$/)
})

it.each(MUTANTS)('$name: it stands in its file exactly once, and changes it', (mutant) => {
  const text = textOf(mutant.file)
  expect(mutated(mutant, text)).not.toBe(text)
})

it.each(inTypeScript)('$name: its file can be parsed', (mutant) => {
  // It parses what it strips.
  expect(() => stripTypeScriptTypes(mutated(mutant, textOf(mutant.file)))).not.toThrow()
})

describe('a fault in SQL', () => {
  it('leaves migrations that run', async () => {
    const folder = 'migrations/ledger/'
    const files = readdirSync(new URL(folder, ROOT)).sort()
    await using db = await PGlite.create()
    for (const mutant of inSql) {
      const migrations = files.map((name) => {
        const text = textOf(folder + name)
        return folder + name === mutant.file ? mutated(mutant, text) : text
      })
      await db.exec('BEGIN')
      await expect(db.exec(migrations.join('\n')), mutant.name).resolves.toBeDefined()
      await db.exec('ROLLBACK')
    }
  })
})
