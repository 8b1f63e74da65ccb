import { describe, expect, it } from 'vitest'
import { changed, newVersion, type PolicyChanges, startOf } from '../../../src/edge/policies/change.ts'
import { type PolicyVersion, stillToCome } from '../../../src/edge/policies/version.ts'
import { DAY_MS, NOW_MS, POLICY } from '../../risk/kit.ts'

/** A version that is in force from so many days after now. */
const version = (number: number, days: number): PolicyVersion => ({
  policy: { ...POLICY, version: number },
  ...{ reviewTwoPeopleAbove: 50_000, createdAtMs: NOW_MS - 90 * DAY_MS, createdBy: 'pay-admin' },
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

describe('a new version', () => {
  const base = version(2, -1)
  const newest = [version(5, 3), version(4, 9), version(3, 1), base]
  const asked = (changes: PolicyChanges, over: object = {}) => ({
    ...{ changes, afterVersion: 5, effectiveAtMs: NOW_MS + 2 * DAY_MS, by: 'pay-admin-2' },
    ...over,
  })

  it('has the next number, says who made it and when, and rests on what would be in force', () => {
    const made = newVersion(asked({ enabled: false }), { newest, base }, NOW_MS)
    expect(made).toMatchObject({
      ok: true,
      value: {
        version: {
          policy: { ...POLICY, version: 6, enabled: false },
          ...{ effectiveAtMs: NOW_MS + 2 * DAY_MS, createdAtMs: NOW_MS, createdBy: 'pay-admin-2' },
        },
      },
    })
  })

  it('supersedes what is still to come from then on, and nothing that comes before', () => {
    const later = newVersion(asked({ enabled: false }), { newest, base }, NOW_MS)
    expect(later.ok && later.value.supersedes).toEqual([5])
    const now = newVersion(asked({ enabled: false }, { effectiveAtMs: NOW_MS }), { newest, base }, NOW_MS)
    expect(now.ok && now.value.supersedes).toEqual([5, 3])
  })

  it('is not made by who has not seen the newest, though that may only be scheduled', () => {
    expect(newVersion(asked({ enabled: false }, { afterVersion: 2 }), { newest, base }, NOW_MS)).toEqual({
      ok: false,
      error: { code: 'version_conflict', detail: 'the newest version is 5' },
    })
  })

  it('is not made when it contradicts itself', () => {
    const made = newVersion(asked({ time_zone: 'Dakar' }), { newest, base }, NOW_MS)
    expect(made).toMatchObject({ ok: false, error: { code: 'contradictory_policy' } })
  })

  it.each([
    ['no version', { newest: [], base }],
    ['none that would be in force', { newest, base: undefined }],
  ])('waits when D1 tells of %s', (_, known) => {
    expect(newVersion(asked({ enabled: false }), known, NOW_MS)).toMatchObject({
      ok: false,
      error: { code: 'temporarily_unavailable' },
    })
  })
})

it('still to come is what is not in force yet and what no newer version precludes', () => {
  expect(
    numbers(stillToCome([version(5, 3), version(4, 9), version(3, 3), version(2, 1), version(1, 0)], NOW_MS)),
  ).toEqual([5, 2])
})
