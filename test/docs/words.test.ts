import { expect, it } from 'vitest'
import { read } from './sources.ts'

/** The terms of docs/words.md, with the path of each. */
const rows = read('docs/words.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| term '))
  .map((line) => line.split('|').map((cell) => cell.trim()))

it('a term has one meaning: it stands once', () => {
  const terms = rows.flatMap((cells) => cells[1]?.split(', ') ?? [])
  expect(terms.filter((term, index) => terms.indexOf(term) !== index)).toEqual([])
  expect(terms.length).toBeGreaterThan(60)
})

it('each says what it means, and where', () => {
  expect(rows.filter((cells) => cells.length !== 5 || !/^`[\w./-]+`$/.test(cells[3] ?? ''))).toEqual([])
})
