import { expect, it } from 'vitest'
import { PROBLEMS, type ProblemCode, problem } from '../../src/protocol/problems.ts'

const codes = Object.keys(PROBLEMS) as ProblemCode[]

it.each(codes)('%s says what this request did to money, and nothing that reads as “not paid”', (code) => {
  const { money, title } = problem(code)
  expect(['unchanged_by_this_request', 'unknown']).toContain(money)
  expect(title).not.toMatch(/\b(paid|unpaid|unchanged|nothing was done)\b/i)
})

it('only what may have been carried out before it failed is unknown, and it may be sent again', () => {
  const unknown = codes.filter((code) => problem(code).money === 'unknown')
  expect(unknown.sort()).toEqual(['internal_error', 'temporarily_unavailable'])
  for (const code of unknown) expect(problem(code).next).toBe('retry')
})
