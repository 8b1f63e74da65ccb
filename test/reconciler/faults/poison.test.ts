import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SettleMessage } from '../../../src/protocol/messages.ts'
import { encodeSettleMessage, parseSettleMessage } from '../../../src/protocol/settle-codec.ts'
import { randomBytes } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'
import { expectSound } from './kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

type Bundle = Extract<SettleMessage, { kind: 'bundle' }>

test('poison of every kind in one delivery with good messages: the good ones are settled at once', async () => {
  const payer = newWallet()
  await db().open(payer, 1_000_000)
  const good = await Promise.all(Array.from({ length: 10 }, () => world.device()))
  const bad = await Promise.all(Array.from({ length: 4 }, () => world.device()))
  world.network.send(...[...good, ...bad].map((device) => world.facts(device)))
  await (await world.reconciler()).once()

  const [forged, unsealed, breaking, foreign] = bad
  const bend = async (device: (typeof bad)[number] | undefined, over: (parsed: Bundle) => object) => {
    if (device === undefined) throw new Error('no device')
    const parsed = parseSettleMessage(await world.admit(device, [device.payment({ sender: payer })])) as Bundle
    return encodeSettleMessage({ ...parsed, ...over(parsed) } as SettleMessage)
  }
  // What a bug of ours would look like to the database.
  await db().owner.query(
    `ALTER TABLE offline_transactions ADD CONSTRAINT no_bad CHECK (device_id <> '${breaking?.id}')`,
  )
  world.network.send(
    randomBytes(60),
    await bend(forged, ({ bundle }) => ({ bundle: bundle.with(-1, (bundle.at(-1) ?? 0) ^ 1) })),
    await bend(unsealed, ({ receipt }) => ({ receipt: receipt.with(40, (receipt.at(40) ?? 0) ^ 1) })),
    await bend(breaking, () => ({})),
    await bend(foreign, () => ({ deviceId: good[0]?.id })),
  )
  for (const device of good) world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  world.network.send(new Uint8Array())
  await (await world.reconciler()).once()

  for (const device of good) {
    expect(world.network.outcomes(device.id)).toMatchObject([{ counter: 1, status: 'succeeded' }])
  }
  // It goes on being tried for a while, and ends where a person sees it.
  for (let i = 0; i < 14; i++) await world.settle()
  const { rows } = await db().app.query(
    "SELECT last_error FROM offline_sync_queue WHERE status <> 'done' ORDER BY last_error",
  )
  const faults = rows.map(({ last_error }) => last_error)
  expect(faults).toEqual(expect.arrayContaining(['invalid_signature', 'invalid_receipt', 'wrong_device']))
  expect(faults).toContainEqual(expect.stringContaining('no_bad'))
  expect(faults).toHaveLength(6)
  expect(await (await world.reconciler()).backlog()).toMatchObject({ pending: 0, parked: 6 })
  expect(await db().balance(payer)).toBe(1_000_000 - 10 * 2500)
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT no_bad')
  await expectSound(db(), world)
})
