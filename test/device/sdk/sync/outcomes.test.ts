import fc from 'fast-check'
import { expect, it } from 'vitest'
import { replaces } from '../../../../src/device/sdk/store/entry.ts'
import type { Outcome } from '../../../../src/protocol/notice.ts'
import { isFinal, PAYMENT_STATUSES } from '../../../../src/protocol/states.ts'
import { Rig, terms } from '../rig.ts'

const outcome = (status: Outcome['status'], atMs: number, reason?: string): Outcome => ({
  counter: 1,
  status,
  atMs,
  ...(reason && { reason }),
})

it.each([
  ['review', 'succeeded', true],
  ['succeeded', 'reversed', true],
  ['succeeded', 'pending', false],
  ['succeeded', 'failed', false],
  ['reversed', 'succeeded', false],
  ['failed', 'succeeded', false],
] as const)('%s then %s: taken over: %s, however the clocks of the servers stand', (known, next, taken) => {
  for (const atMs of [1, 2, 3]) expect(replaces(outcome(known, 2), outcome(next, atMs))).toBe(taken)
})

it('a copy that was refused says nothing about the payment', () => {
  expect(replaces(outcome('succeeded', 1), outcome('refused', 2, 'duplicate'))).toBe(false)
  expect(replaces(undefined, outcome('refused', 2, 'duplicate'))).toBe(false)
})

it('whatever comes again, late or in another order: a final outcome stays, and the story ends the same', () => {
  const statuses = fc.constantFrom(...PAYMENT_STATUSES)
  fc.assert(
    fc.property(fc.array(fc.tuple(statuses, fc.nat(5))), (story) => {
      let known: Outcome | undefined
      for (const [status, atMs] of story) {
        const next = outcome(status, atMs)
        if (!replaces(known, next)) continue
        if (known && isFinal(known.status)) expect([known.status, status]).toEqual(['succeeded', 'reversed'])
        known = next
      }
    }),
  )
})

it.each(['unknown', 'foreign'] as const)(
  'that the shop’s wallet is %s is known until the edge says otherwise',
  async (fault) => {
    const rig = await Rig.create()
    rig.edge.walletFault = fault
    const sdk = await rig.started()
    expect(sdk.profile?.ownerWalletFault).toBe(fault)
    expect((await rig.started()).profile?.ownerWalletFault).toBe(fault)
    rig.edge.walletFault = undefined
    rig.timeMs += 1000
    await sdk.syncNow()
    expect(sdk.profile).not.toHaveProperty('ownerWalletFault')
    expect((await rig.started()).profile).not.toHaveProperty('ownerWalletFault')
  },
)

it('outcomes that come again after a restart are no news', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  await sdk.syncNow()
  rig.edge.settle(1, 'failed', 'insufficient_funds')
  expect(await sdk.syncNow()).toMatchObject({ outcomes: 1 })
  const seen: string[] = []
  const restarted = await rig.started({
    fetch: (url, request) => rig.edge.fetch(url, { ...request, headers: { ...request.headers, 'Molam-Cursor': '0' } }),
  })
  restarted.on('payment', ({ localId }) => seen.push(localId))
  expect(await restarted.syncNow()).toMatchObject({ outcomes: 0 })
  expect(seen).toEqual([])
  expect(restarted.getTransaction('POS-001/1')).toMatchObject({ status: 'failed', reason: 'insufficient_funds' })
})
