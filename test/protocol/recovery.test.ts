import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ChainLink, chainStep, GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import { neighboursIn } from '../kit/chain.ts'

/** A device that loses its state goes on from the edge's head, with places left out for what may be under way. */
let made = 0
const link = (seq: number, prev: Uint8Array): ChainLink => {
  const digest = new Uint8Array(32)
  new DataView(digest.buffer).setUint32(0, ++made)
  return { seq, prev, digest }
}
const following = (before: ChainLink | undefined, seq = (before?.seq ?? 0) + 1) =>
  link(seq, before ? prevOf(before.digest) : GENESIS_PREV)
const step = (links: readonly ChainLink[], next: ChainLink) => chainStep(next, neighboursIn(links, next))

describe('an honest device that loses its state any number of times', () => {
  it('tells one story, whenever the bundle that was under way then comes', () => {
    const life = fc.record({
      acknowledged: fc.integer({ min: 0, max: 3 }),
      /** Whether one more was under way when the state was lost, and after how many of the next life it comes. */
      underWay: fc.boolean(),
      comesAfter: fc.integer({ min: 0, max: 3 }),
      leaves: fc.integer({ min: 1, max: 32 }).map((k) => 4 * k),
    })
    // Drawn by the device: when two bundles of two lost lives are under way at once, the later one must have drawn more.
    const lives = fc
      .uniqueArray(life, { minLength: 1, maxLength: 5, selector: ({ leaves }) => leaves })
      .map((list) => list.toSorted((a, b) => a.leaves - b.leaves))
    fc.assert(
      fc.property(lives, (lives) => {
        const admitted: ChainLink[] = []
        const admit = (next: ChainLink) => {
          expect(step(admitted, next)).toMatchObject({ kind: 'continues', holes: 0 })
          admitted.push(next)
        }
        let late: { readonly link: ChainLink; readonly comesAfter: number } | undefined
        for (const [index, { acknowledged, underWay, comesAfter, leaves }] of lives.entries()) {
          const head = admitted.toSorted((a, b) => b.seq - a.seq)[0]
          let next = following(head, (head?.seq ?? 0) + 1 + (index === 0 ? 0 : leaves))
          for (let i = 0; i <= acknowledged; i++) {
            if (late && (late.comesAfter === i || i === acknowledged)) {
              admit(late.link)
              late = undefined
            }
            if (i === acknowledged) break
            admit(next)
            next = following(next)
          }
          if (underWay) late = { link: next, comesAfter }
        }
        if (late) admit(late.link)
      }),
    )
  })

  it('says what it left out', () => {
    const one = following(undefined)
    expect(step([one], following(one, 10))).toEqual({ kind: 'continues', holes: 0, leftOut: [2, 9] })
    expect(step([], link(10, GENESIS_PREV))).toEqual({ kind: 'continues', holes: 0, leftOut: [1, 9] })
    // Nobody can tell whom it follows: as after a bundle that is late.
    expect(step([one], link(10, new Uint8Array(16).fill(7)))).toEqual({ kind: 'continues', holes: 8 })
  })
})

describe('who still has the state is found out', () => {
  const one = following(undefined)
  const two = following(one)
  const recovered = following(one, 10)

  it('by the second bundle that goes on where places were left out', () => {
    expect(step([one, recovered], two)).toMatchObject({ kind: 'continues' })
    expect(step([one, recovered, two], following(two))).toMatchObject({ kind: 'fork', against: recovered })
    // Out of order too.
    expect(step([one, recovered], following(two))).toMatchObject({ kind: 'fork', against: recovered })
  })

  it('by leaving out places in which the chain went on', () => {
    const three = following(two)
    expect(step([one, two, three], recovered)).toEqual({ kind: 'fork', against: three })
    expect(step([one, two], recovered)).toMatchObject({ kind: 'continues', leftOut: [2, 9] })
  })

  it('by a second bundle in the place that was under way', () => {
    expect(step([one, two, recovered], following(one))).toEqual({ kind: 'fork', against: two })
  })
})
