import { expect, it } from 'vitest'
import { newSecrets, reconcilerSecrets } from '../../dev/secrets.ts'
import { KeysUnavailable } from '../../src/crypto/key-provider.ts'
import { edgeKeysForReader, localKeys } from '../../src/crypto/local-keys.ts'

/** The list of keys that a reader has, who opens bundles and signs nothing. */
const edge = await newSecrets()
const reader = await reconcilerSecrets(edge)

it('a reader opens what is sealed to the edge, and knows who signs', async () => {
  const [own, other] = await Promise.all([
    localKeys(edge.EDGE_KEYS, edge.KEY_WRAPPING_SECRET),
    localKeys(reader.EDGE_KEYS, reader.KEY_WRAPPING_SECRET),
  ])
  expect(await other.keySet()).toEqual(await own.keySet())
  const seal = (await own.keySet()).keys.find(({ use }) => use === 'seal')
  expect(await other.recipient(seal?.kid ?? new Uint8Array())).toBeDefined()
})

it('a reader cannot sign as the edge, and its secret opens nothing of the edge’s list', async () => {
  const other = await localKeys(reader.EDGE_KEYS, reader.KEY_WRAPPING_SECRET)
  await expect(other.receiptSigner()).rejects.toThrow(KeysUnavailable)
  const stolen = await localKeys(edge.EDGE_KEYS, reader.KEY_WRAPPING_SECRET)
  await expect(stolen.receiptSigner()).rejects.toThrow(KeysUnavailable)
  expect(reader.KEY_WRAPPING_SECRET).not.toBe(edge.KEY_WRAPPING_SECRET)
})

it('no list is made from one that does not unwrap', async () => {
  const { KEY_WRAPPING_SECRET: wrong } = await newSecrets()
  await expect(edgeKeysForReader(edge.EDGE_KEYS, wrong, reader.KEY_WRAPPING_SECRET)).rejects.toThrow(KeysUnavailable)
})
