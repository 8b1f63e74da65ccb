import { describe, expect, it } from 'vitest'
import { changed, changeNow, type PolicyChanges, startOf, switchOff } from '../../../src/edge/policies/change.ts'
import { stillToCome } from '../../../src/edge/policies/version.ts'
import type { PolicyVersion } from '../../../src/protocol/policy-version.ts'
import { DAY_MS, NOW_MS, POLICY } from '../../risk/kit.ts'

/** A version that is in force from so many days after now. */
const version = (number: number, days: number): PolicyVersion => ({
  policy: { ...POLICY, version: number },
  ...{ reviewTwoPeopleAbove: 50_000, proposedBy: 'pay-admin', confirmedBy: 'pay-admin-2', confirmedAtMs: 0 },
  effectiveAtMs: NOW_MS + days * DAY_MS,
})
const numbers = (versions: readonly PolicyVersion[]) => versions.map(({ policy }) => policy.version)

describe('when a version may be in force', () => {
  it.each([
    ['at once, when no time is asked for', undefined, NOW_MS],
    ['at once, when the clock of who asks is behind by seconds', NOW_MS - 10_000, NOW_MS],
    ['later', NOW_MS + DAY_MS, NOW_MS + DAY_MS],
    ['in a year', NOW_MS + 366 * DAY_MS, NOW_MS + 366 * DAY_MS],
  ])('%s', (_, asked, at) => {
    expect(startOf(asked, NOW_MS)).toEqual({ ok: true, value: at })
  })

  it.each([
    ['in the past', NOW_MS - 10_001],
    ['after more than a year', NOW_MS + 366 * DAY_MS + 1],
  ])('not %s', (_, asked) => {
    expect(startOf(asked, NOW_MS)).toMatchObject({ ok: false, error: { code: 'invalid_request' } })
  })
})

describe('the content of a version', () => {
  it('is that of its base but for what is changed', () => {
    const changes = { max_offline_amount: 5_000, allowed_methods: ['qr'], review_two_people_above: 1 } as const
    expect(changed(version(3, -1), changes, 7)).toEqual({
      ok: true,
      value: {
        policy: { ...POLICY, version: 7, maxOfflineAmount: 5_000, allowedMethods: ['qr'] },
        reviewTwoPeopleAbove: 1,
      },
    })
  })

  it('must not contradict itself, and every contradiction is told', () => {
    const made = changed(version(3, -1), { accept_below_score: 0.9, max_relay_hours: 700 }, 4)
    expect(made).toEqual({
      ok: false,
      error: {
        code: 'contradictory_policy',
        detail: 'accept_below_score is above quarantine_above_score; max_relay_hours is above max_bundle_age_hours',
      },
    })
  })
})

describe('a change that takes force now', () => {
  const versions = [version(5, 3), version(4, 9), version(3, 1), version(2, -1)]
  const later = NOW_MS + 2 * DAY_MS
  const asked = (changes: PolicyChanges, over: object = {}) => ({
    ...{ country: POLICY.country, changes, afterVersion: 5, basedOn: 3, effectiveAtMs: later as number | undefined },
    ...over,
  })
  const numbered = (change: ReturnType<typeof changeNow>) => change.ok && change.value.content.policy.version
  const superseded = (change: ReturnType<typeof changeNow>) => change.ok && change.value.supersedes

  it('has the next number, and rests on what is in force at its time', () => {
    const change = changeNow(asked({ enabled: false }), versions, NOW_MS)
    const content = { policy: { ...POLICY, version: 6, enabled: false }, reviewTwoPeopleAbove: 50_000 }
    expect(change).toEqual({ ok: true, value: { content: { ...content, effectiveAtMs: later }, supersedes: [5] } })
  })

  it('supersedes what is still to come from then on, and nothing that comes before', () => {
    const now = { effectiveAtMs: undefined, basedOn: 2 }
    expect(superseded(changeNow(asked({ enabled: false }, now), versions, NOW_MS))).toEqual([5, 3])
  })

  it('takes force at once when its time has passed since it was proposed', () => {
    const [atMs, on] = [NOW_MS + DAY_MS, { effectiveAtMs: NOW_MS - DAY_MS, basedOn: 3 }]
    const change = changeNow(asked({ enabled: false }, on), versions, atMs)
    expect(change.ok && change.value.content.effectiveAtMs).toBe(atMs)
  })

  it.each([
    ['a newer one was made, though that may only be scheduled', { afterVersion: 4 }, 'the newest version is 5'],
    ['another one is in force by its time', { basedOn: 2 }, 'version 3 is in force by then'],
    ['it is of the future', { afterVersion: 6 }, 'the newest version is 5'],
  ])('is stale when %s', (_, over, detail) => {
    const change = changeNow(asked({ enabled: false }, over), versions, NOW_MS)
    expect(change).toEqual({ ok: false, error: { code: 'version_conflict', detail } })
  })

  it('is none when it contradicts itself', () => {
    const change = changeNow(asked({ time_zone: 'Dakar' }), versions, NOW_MS)
    expect(change).toMatchObject({ ok: false, error: { code: 'contradictory_policy' } })
  })

  it.each([
    ['no version', []],
    ['none that is in force', [version(5, 3)]],
  ])('waits when D1 tells of %s', (_, known) => {
    const unreadable = { ok: false, error: { code: 'temporarily_unavailable' } }
    expect(changeNow(asked({ enabled: false }, { basedOn: 5 }), known, NOW_MS)).toMatchObject(unreadable)
    expect(switchOff('SN', known, NOW_MS)).toMatchObject(unreadable)
  })

  it('that switches off is the one in force and no more, and supersedes all that is to come', () => {
    const change = switchOff('SN', versions, NOW_MS)
    expect(numbered(change)).toBe(6)
    expect(change.ok && change.value.content.policy).toEqual({ ...POLICY, version: 6, enabled: false })
    expect(superseded(change)).toEqual([5, 3])
    const off = [{ ...version(6, 0), policy: { ...POLICY, version: 6, enabled: false } }, ...versions]
    expect(switchOff('SN', off, NOW_MS)).toMatchObject({ ok: false, error: { code: 'state_conflict' } })
  })
})

it('still to come is what is not in force yet and what no newer version precludes', () => {
  expect(
    numbers(stillToCome([version(5, 3), version(4, 9), version(3, 3), version(2, 1), version(1, 0)], NOW_MS)),
  ).toEqual([5, 2])
})
