import { expect, it } from 'vitest'
import { chainStanding } from '../../../../src/device/sdk/store/chain-proof.ts'
import type { Outgoing } from '../../../../src/device/sdk/store/outgoing.ts'
import { GENESIS_PREV, prevOf } from '../../../../src/protocol/chain.ts'
import { OWNER, random } from '../edge.ts'

const prev = random(16)
const digests = [random(32), random(32)]
const outgoing: Outgoing = {
  bundleId: random(16),
  seq: 4,
  prev,
  firstCounter: 7,
  lastCounter: 9,
  recipientKid: random(8),
  sealed: random(50),
  digests,
}
const known = { seq: 3, prev }
const facts = (nextSeq: number, head: Uint8Array) => ({ ownerWallet: OWNER, nextCounter: 10, nextSeq, prev: head })

it('the edge stands where our bundle continues: not admitted', () => {
  expect(chainStanding(facts(4, prev), known, outgoing)).toEqual({ kind: 'not_admitted', head: { seq: 3, prev } })
})

it.each(digests)('the edge’s head is one of the forms that we sent: admitted', (digest) => {
  const head = { seq: 4, prev: prevOf(digest) }
  expect(chainStanding(facts(5, prevOf(digest)), known, outgoing)).toEqual({ kind: 'admitted', head })
})

it.each([
  ['another bundle in the place of ours', 5, random(16)],
  ['further than we ever were', 6, prevOf(random(32))],
  ['behind us', 3, random(16)],
  ['at the same place after another bundle', 4, random(16)],
])('the edge is %s: a conflict', (_, nextSeq, head) => {
  expect(chainStanding(facts(nextSeq, head), known, outgoing)).toEqual({ kind: 'conflict' })
})

it('without a record of the bundle in flight, only its own place can be taken over', () => {
  const head = random(16)
  expect(chainStanding(facts(4, prev), known, undefined).kind).toBe('not_admitted')
  expect(chainStanding(facts(5, head), known, 'lost')).toEqual({ kind: 'admitted', head: { seq: 4, prev: head } })
  expect(chainStanding(facts(5, head), known, undefined)).toEqual({ kind: 'conflict' })
  expect(chainStanding(facts(4, head), known, undefined).kind).toBe('conflict')
  expect(chainStanding(facts(6, head), known, undefined).kind).toBe('conflict')
  expect(chainStanding(facts(1, GENESIS_PREV), known, undefined).kind).toBe('conflict')
})
