import type { Policy } from '../../src/protocol/policy.ts'
import { assertBook } from './broken.ts'
import type { ModelState } from './state.ts'

/** The newest that the book has. */
export function newestPolicy({ policies }: ModelState, country: string): Policy {
  const [newest] = [...policies.values()].filter((one) => one.country === country).sort((a, b) => b.version - a.version)
  assertBook(newest !== undefined, 'there is a policy for each country')
  return newest
}
