import { expect, it } from 'vitest'
import { announcementOf } from '../../src/ui/announcement.ts'
import { SdkStore } from '../../src/ui/sdk-store.ts'
import { MESSAGES } from '../../src/ui/words/index.ts'
import { Rig, terms } from '../device/sdk/rig.ts'

it('what was on the disk when the page opened is no news, what is taken afterwards is', async () => {
  const rig = await Rig.create()
  const earlier = await rig.started()
  await earlier.createOfflineTransaction(terms())
  const sdk = rig.sdk()
  const store = new SdkStore(sdk)
  const closed = store.getSnapshot()
  await sdk.initialize()
  const opened = store.getSnapshot()
  expect(opened.payments).toHaveLength(1)
  expect(announcementOf(closed, opened, MESSAGES.fr)).toBe('')
  await sdk.createOfflineTransaction(terms())
  expect(announcementOf(opened, store.getSnapshot(), MESSAGES.fr)).toBe('1 paiement en attente d’envoi.')
})

it('that a sync is due is said once a day before, and once when nothing can be taken any more', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const store = new SdkStore(sdk)
  const { syncBeforeMs } = sdk.getLimits()
  const said = [syncBeforeMs - 2 * 86_400_000, syncBeforeMs - 1000, syncBeforeMs, syncBeforeMs + 1].map((atMs) => {
    const before = store.getSnapshot()
    rig.timeMs = atMs
    return announcementOf(before, store.getSnapshot(), MESSAGES.en)
  })
  const { next, banner } = MESSAGES.en
  expect(said).toEqual(['', next.connect, '', banner.syncOverdue])
})

it('what nobody needs to hear is not said: a sync that brings no news', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.syncNow()
  const store = new SdkStore(sdk)
  const before = store.getSnapshot()
  await sdk.syncNow()
  expect(announcementOf(before, store.getSnapshot(), MESSAGES.fr)).toBe('')
})
