import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { protocolExample, withExample } from '../../dev/protocol-example.ts'
import { openBundle } from '../../src/crypto/bundle-crypto.ts'
import { openAsEdge, verifySign1 } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { parseBundle } from '../../src/protocol/bundle.ts'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'

const document = () => readFile(new URL('../../docs/protocol.md', import.meta.url), 'utf8')

it('the example of the specification is what the code makes', async () => {
  expect(await withExample(await document())).toBe(await document())
})

it('a reader on another crypto suite opens the example as it is printed', async () => {
  const text = await document()
  const printed = (name: string) => {
    const block = text.split(`**${name}** (`)[1]?.split('```text\n')[1]?.split('\n```')[0]
    return fromHex((block ?? '').replaceAll('\n', ''))
  }
  const bundle = parseBundle(printed('Bundle'))
  const verifier = await webCryptoSuite.verifier({ alg: -7, bytes: printed('device public key (SEC1)') })
  expect(await verifySign1(verifier, bundle, '')).toBe(true)
  const key = await webCryptoSuite.recipientKey(printed('recipient private key'))
  const opened = await openBundle(webCryptoSuite, async () => key, bundle)
  expect(opened.ok && opened.value.entries.map(({ counter }) => counter)).toEqual([41, 42, 43])
  const edge = await webCryptoSuite.verifier({ alg: -7, bytes: printed('receipt public key (SEC1)') })
  const trusted = [{ kid: printed('receipt kid'), alg: -7, verifier: edge }]
  const claims = await openAsEdge(printed('Receipt'), trusted, 'molam-receipt-v1')
  expect(claims && toHex(claims)).toBe(toHex(printed('ReceiptClaims')))
  // A receipt is no notice, although the same key signed it.
  expect(await openAsEdge(printed('Receipt'), trusted, 'molam-notice-v1')).toBeUndefined()
})

it('names every part that the text refers to', async () => {
  expect((await protocolExample()).map(([name]) => name)).toContain('PushResponse')
})
