import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { OfflineSDK } from '../../../src/device/sdk/index.ts'
import { HOLDERS_CODE } from './edge.ts'
import { Rig } from './rig.ts'

/** A device without consent asks for a code, and the holder enters it. */
let rig: Rig
let sdk: OfflineSDK
beforeEach(async () => {
  rig = await Rig.create()
  sdk = await rig.started()
  rig.edge.paysUntilMs = undefined
  await sdk.syncNow()
})
const paths = () => rig.edge.requests.map(({ path }) => path).filter((path) => path.includes('/code'))
const POLL_MS = 2000
/** Until the answer is there: each time that it waits, its timer runs out. */
async function polled<T>(answer: Promise<T>): Promise<T> {
  let done = false
  void answer.then(
    () => (done = true),
    () => (done = true),
  )
  await vi.waitUntil(
    () => {
      rig.timers.fireOnly(POLL_MS)
      return done
    },
    { interval: 1, timeout: 10_000 },
  )
  return answer
}

it('the device pays by the code that was entered, once the book has said so', async () => {
  const { no, untilMs, state } = await sdk.askConsentCode()
  expect({ no, state }).toEqual({ no: 1, state: 'waiting' })
  expect(untilMs).toBeGreaterThan(rig.timeMs)
  rig.edge.judgedAfter = 3
  expect(await polled(sdk.answerConsentCode(no, '0418-39 20'))).toEqual({
    ...{ state: 'accepted', triesLeft: 5, paysUntilMs: Date.UTC(2100, 0) },
  })
  expect(paths()).toHaveLength(5)
  expect(sdk.profile?.paysUntilMs).toBe(Date.UTC(2100, 0))
})

it('says that it still waits, and may be entered again', async () => {
  rig.edge.judgedAfter = 8
  expect(await polled(sdk.answerConsentCode(1, HOLDERS_CODE))).toMatchObject({ state: 'waiting' })
  expect(await sdk.answerConsentCode(1, HOLDERS_CODE)).toMatchObject({ state: 'accepted' })
})

it('says that it is another code, and how many more may be entered', async () => {
  expect(await sdk.answerConsentCode(1, '11111111')).toEqual({ state: 'wrong', triesLeft: 4 })
  expect(sdk.profile?.paysUntilMs).toBeUndefined()
})

it.each(['off', 'no_phone', 'too_many'] as const)('says that none comes, and why: %s', async (state) => {
  rig.edge.codeState = state
  expect(await sdk.askConsentCode()).toMatchObject({ state })
})

describe('what cannot be', () => {
  it('is said before the edge is asked, when it is no code', async () => {
    for (const typed of ['', '0418392', '041839201', 'abcdefgh']) {
      await expect(sdk.answerConsentCode(1, typed)).rejects.toMatchObject({ code: 'consent_invalid' })
    }
    expect(paths()).toEqual([])
  })

  it('is said by the edge, and a lost answer may be asked for again', async () => {
    await expect(sdk.answerConsentCode(2, HOLDERS_CODE)).rejects.toMatchObject({ code: 'state_conflict' })
    rig.edge.faults = ['lost']
    await expect(sdk.answerConsentCode(1, HOLDERS_CODE)).rejects.toMatchObject({ code: 'network_failed' })
    expect(await sdk.answerConsentCode(1, HOLDERS_CODE)).toMatchObject({ state: 'accepted' })
  })

  it('is an answer that is none', async () => {
    rig.edge.codeState = 'accepted'
    await expect(sdk.askConsentCode()).rejects.toMatchObject({ code: 'answer_invalid' })
    rig.edge.faults = ['portal']
    await expect(sdk.askConsentCode()).rejects.toMatchObject({ code: 'answer_invalid' })
  })
})

it('a clock that is wrong is no matter', async () => {
  rig.wallOffsetMs = 3 * 3_600_000
  const other = await rig.started()
  expect(await other.askConsentCode()).toMatchObject({ no: 1 })
})
