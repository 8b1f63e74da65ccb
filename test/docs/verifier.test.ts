import { expect, it } from 'vitest'
import { AUDIT_CHECKS } from '../../reconciler/verify/audit-checks.ts'
import { OF_ROUNDS } from '../../reconciler/verify/follow/scoped-checks.ts'
import { GUARD_CHECKS } from '../../reconciler/verify/guard-checks.ts'
import { LEDGER_CHECKS } from '../../reconciler/verify/ledger-checks.ts'
import { SETTLEMENT_CHECKS } from '../../reconciler/verify/settlement-checks.ts'
import { FILES, read } from './sources.ts'

/** The tables of docs/verifier.md, held against the checks. */
const rows = [...read('docs/verifier.md').matchAll(/^\| `(\w+)` \| (.+) \| (seconds|start) \|$/gm)].map(
  ([, name = '', promise = '', within = '']) => ({ name, promise, within }),
)
const queries = [...LEDGER_CHECKS, ...SETTLEMENT_CHECKS, ...AUDIT_CHECKS, ...GUARD_CHECKS]
const sources = FILES.filter((path) => path.startsWith('reconciler/verify/')).map(read)

it('every check stands there once, with what it proves', () => {
  const names = rows.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const stated = new Map(rows.map(({ name, promise }) => [name, promise]))
  for (const { name, promise } of queries) expect(stated.get(name), name).toBe(promise)
  for (const name of names)
    expect(
      sources.some((source) => source.includes(`'${name}'`)),
      name,
    ).toBe(true)
  const [found] = [
    sources.flatMap((source) => [...source.matchAll(/(?:check|NAME)(?::| =) '(\w+)'/g)].map(([, name]) => name)),
  ]
  expect(names).toEqual(expect.arrayContaining(found))
})

it('what a round looks at is found within seconds, and what it does not is said to take a start', () => {
  const seconds = new Set(rows.filter(({ within }) => within === 'seconds').map(({ name }) => name))
  for (const { name } of OF_ROUNDS) expect(seconds, name).toContain(name)
  const others = queries.filter(({ name }) => !OF_ROUNDS.some((one) => one.name === name) && name !== 'audit_policies')
  for (const { name } of others) expect(seconds, name).not.toContain(name)
})
