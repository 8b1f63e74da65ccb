import { expect, it } from 'vitest'
import { COMMANDS } from '../../reconciler/commands/index.ts'
import { firstPolicy } from '../../src/protocol/first-policies.ts'
import { FILES, read } from './sources.ts'

/** Tables, defaults and commands of docs/architecture.md, held against migrations and code. */
const document = read('docs/architecture.md')
const section = (title: string) => document.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? ''
const cells = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
const quoted = (text: string) => [...text.matchAll(/`([\w.]+)`/g)].map(([, name = '']) => name)

it('every table of both databases is named, and no other', () => {
  const sql = FILES.filter((path) => /^migrations\/.*\.sql$/.test(path)).map(read)
  const made = sql.flatMap((text) => [...text.matchAll(/CREATE TABLE [`]?((?!__)[\w.]+)/g)].map(([, name]) => name))
  const named = cells(section('Tables')).flatMap((row) => quoted(row[1] ?? ''))
  expect([...new Set(named)].sort()).toEqual([...new Set(made)].sort())
})

it('the defaults of a policy are those of the first version', () => {
  const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const defaults = new Map(Object.entries(firstPolicy('SN')).map(([name, value]) => [snake(name), String(value)]))
  const said = cells(section('Policies and limits')).flatMap((row) => {
    const fields = quoted(row[1] ?? '')
    // Numbers are written with spaces between thousands, and the list of methods has commas of its own.
    const told = fields.length === 1 ? [row[2] ?? ''] : (row[2] ?? '').split(',')
    return fields.map((field, index) => [field, (told[index] ?? '').replaceAll(' ', '')] as const)
  })
  expect(said.length).toBeGreaterThan(10)
  for (const [field, value] of said) {
    if (field === 'enabled' || field === 'time_zone') continue
    expect(defaults.get(field), field).toBe(value)
  }
})

it('the reconciler’s commands are those that it has', () => {
  const [, list = ''] = /commands are ([^(]+)\(/.exec(section('HTTP').replaceAll('\n', ' ')) ?? []
  expect(quoted(list).sort()).toEqual(Object.keys(COMMANDS).sort())
})
