import { expect, it } from 'vitest'
import { dayNames } from '../../src/crypto/day-names.ts'
import { importHmacKey } from '../../src/crypto/hmac.ts'
import { DAY_MS } from '../../src/protocol/time.ts'

/** Names of wallets for people who review: the same for a day, and for a key. */
const key = (byte: number) => importHmacKey(new Uint8Array(32).fill(byte))
const noon = 20_000 * DAY_MS + DAY_MS / 2

it('a wallet keeps its name until midnight UTC, and nobody else has it', async () => {
  const at = async (atMs: number) => (await dayNames(await key(1), atMs, ['W-1', 'W-2', 'W-1'])).get('W-1')
  const name = await at(noon)
  expect(name).toMatch(/^[0-9a-f]{12}$/)
  expect(await at(20_001 * DAY_MS - 1)).toBe(name)
  expect(await at(20_001 * DAY_MS)).not.toBe(name)
  const names = await dayNames(await key(1), noon, ['W-1', 'W-2'])
  expect(new Set(names.values()).size).toBe(2)
  expect((await dayNames(await key(2), noon, ['W-1'])).get('W-1')).not.toBe(name)
})
