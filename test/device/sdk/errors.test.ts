import { expect, it } from 'vitest'
import { OfflineError } from '../../../src/device/sdk/index.ts'
import { PROBLEMS, type ProblemCode } from '../../../src/protocol/problems.ts'

it.each(Object.keys(PROBLEMS) as ProblemCode[])(
  '%s: whatever the edge says without a signature, the payment is safe on the device, and there is a next step',
  (code) => {
    const error = new OfflineError(code)
    expect(error).toMatchObject({ code, money: 'kept_on_device' })
    expect(error.message).not.toBe('')
    // What the device goes on with by itself asks nothing of a person; what it stops at does.
    const goesOn = PROBLEMS[code].next !== 'stop' && code !== 'version_conflict'
    expect(error.next === 'wait').toBe(goesOn)
  },
)
