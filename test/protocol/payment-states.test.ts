import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type PaymentState, runsOf, statesOf } from '../../src/protocol/payment-states.ts'

it('payments are the same after they were kept as runs, and neighbours that fare alike are one', () => {
  const fate = fc.constantFrom<readonly [PaymentState[1], string?]>(
    ['succeeded'],
    ['failed', 'insufficient_funds'],
    ['failed', 'unknown_wallet'],
  )
  const bundle = fc.array(fc.tuple(fc.boolean(), fate), { maxLength: 30 })
  fc.assert(
    fc.property(bundle, (entries) => {
      const states = entries.flatMap(([isVoided, one], index): PaymentState[] =>
        isVoided ? [] : [[index + 1, ...one]],
      )
      const runs = runsOf(states)
      expect(statesOf(JSON.parse(JSON.stringify(runs)))).toEqual(states)
      const again = runs.slice(1).filter(([first, , ...fare], index) => {
        const [, last, ...before] = runs[index] ?? [0, 0]
        return first === last + 1 && JSON.stringify(fare) === JSON.stringify(before)
      })
      expect(again).toEqual([])
    }),
  )
  expect(runsOf([[1, 'succeeded'], [2, 'succeeded'], [4, 'succeeded']])).toEqual([[1, 2, 'succeeded'], [4, 4, 'succeeded']]) // biome-ignore format: a list
})
