import { expect, it } from 'vitest'
import { OWED_PER_ALARM } from '../../../durable-objects/device/owed/owed.ts'
import { keySet, pushed, registered } from '../../edge/kit.ts'
import { age, alarm, inObject, lostQueues } from './kit.ts'

/** A backlog of copies of an admitted bundle: only their places in the chain differ. */
const COPY = `INSERT INTO bundles SELECT ?1, randomblob(16), randomblob(16), digest, prev, bundle, moved, receipt, received_at,
  time_floor, currency, first_counter, last_counter, admitted_count, admitted_amount, policy_version, risk_score,
  risk_reasons, payments, status, recorded, settled_rev, rev, indexed_rev, updated_at, votes, admitted_by, settlements, expires_at, listing_rev
  FROM bundles WHERE seq = 1`

it('a backlog of several pages goes out whole, although its first page is never confirmed', async () => {
  const queues = await lostQueues()
  const device = await registered()
  queues.watch(device)
  await pushed((await device.bundle([device.payment()], await keySet())).bundle)
  const backlog = 2 * OWED_PER_ALARM + 20
  await inObject(device, ({ storage }) => {
    for (let seq = 2; seq <= backlog; seq++) storage.sql.exec(COPY, seq)
  })
  await age(device, 60_000)
  const sent: number[] = []
  for (let page = 0; page < 4; page++) {
    queues.clear()
    await alarm(device)
    sent.push(queues.settle.filter(({ kind }) => kind === 'bundle').length)
  }
  // Three pages, and then from the start again.
  expect(sent).toEqual([OWED_PER_ALARM, OWED_PER_ALARM, 20, OWED_PER_ALARM])
})
