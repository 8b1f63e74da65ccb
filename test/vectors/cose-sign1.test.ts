import { decode, Tagged } from 'cborg'
import { describe, expect, it } from 'vitest'
import { verifySign1 } from '../../src/crypto/sign1.ts'
import { concatBytes, fromHex, toHex } from '../../src/protocol/bytes.ts'
import { encodeCbor, MalformedCbor } from '../../src/protocol/cbor.ts'
import { ES256, encodeSign1, HEADER_KID, parseSign1, readAlgKid, sigStructure } from '../../src/protocol/cose.ts'
import published from './cose-sign1-es256.json' with { type: 'json' }
import { sOf, suites, twin } from './suites.ts'

/** The COSE working group's examples: all COSE_Sign1 with ES256 (see README.md). */
/**
 * What becomes of every COSE_Sign1 example with ES256.
 *
 * - `covers`: whether the signature covers the message's own bytes under our profile (nothing external, the protected
 *   header as it stands).
 * - `s`: of the signature as published; the high one is refused by us, and only by us.
 * - `parses`: whether it is a message of our profile: tag 18, nothing unprotected.
 */
const EXPECTED: Readonly<Record<string, { covers: boolean; s: 'low' | 'high'; parses: boolean }>> = {
  'CWT/A_3.json': { covers: true, s: 'low', parses: true },
  // A key id stands unprotected in all the others.
  'RFC8152/Appendix_C_2_1.json': { covers: true, s: 'low', parses: false },
  'ecdsa-examples/ecdsa-sig-01.json': { covers: true, s: 'high', parses: false },
  // Wrong tag, 998: the signature does not cover the tag, so it is the parser that has to refuse it.
  'sign1-tests/sign-fail-01.json': { covers: true, s: 'low', parses: false },
  'sign1-tests/sign-fail-02.json': { covers: false, s: 'low', parses: false },
  'sign1-tests/sign-fail-03.json': { covers: false, s: 'low', parses: false },
  'sign1-tests/sign-fail-04.json': { covers: false, s: 'low', parses: false },
  'sign1-tests/sign-fail-06.json': { covers: false, s: 'low', parses: false },
  'sign1-tests/sign-fail-07.json': { covers: false, s: 'high', parses: false },
  // The algorithm is unprotected and the protected header an encoded empty map, which RFC 9052 §4.4 signs as an empty
  // string. We take no such header (the algorithm has to be protected), so the rule has no place here.
  'sign1-tests/sign-pass-01.json': { covers: false, s: 'low', parses: false },
  // Signed over external data.
  'sign1-tests/sign-pass-02.json': { covers: false, s: 'low', parses: false },
  // Untagged.
  'sign1-tests/sign-pass-03.json': { covers: true, s: 'low', parses: false },
}

const examples = Object.entries(published).map(([path, example]) => {
  const encoded = fromHex(example.cbor)
  // Read with cborg alone: our own reader refuses most of these on purpose.
  const outer: unknown = decode(encoded, { useMaps: true, tags: Tagged.preserve(18, 998) })
  const [protectedBytes, , payload, signature] = (outer instanceof Tagged ? outer.value : outer) as [
    Uint8Array,
    Map<unknown, unknown>,
    Uint8Array,
    Uint8Array,
  ]
  return {
    path,
    encoded,
    parts: { protectedBytes, payload, signature },
    publicKey: concatBytes(Uint8Array.of(4), fromHex(example.x), fromHex(example.y)),
    external: fromHex(example.external),
    published: fromHex(example.to_be_signed),
    ...(EXPECTED[path] ?? { covers: undefined, s: undefined, parses: undefined }),
  }
})
const named = (chosen: typeof examples) => chosen.map((example) => [example.path, example] as const)

describe('COSE WG examples, COSE_Sign1 with ES256', () => {
  it('are these 12, each with what is expected of it', () => {
    expect(examples.map(({ path }) => path)).toEqual(Object.keys(EXPECTED))
    expect(examples).toHaveLength(12)
  })

  it.each(named(examples))(
    '%s: the message is of our profile or refused as malformed',
    (_, { encoded, parses, parts }) => {
      if (parses) {
        expect(parseSign1(encoded)).toMatchObject(parts)
        expect(toHex(encodeSign1(parts))).toBe(toHex(encoded))
        const asEncrypt0 = Uint8Array.of(0xc0 | 16, ...encoded.subarray(1))
        expect(() => parseSign1(asEncrypt0)).toThrow(MalformedCbor)
      } else {
        expect(() => parseSign1(encoded)).toThrow(MalformedCbor)
      }
    },
  )

  it.each(named(examples))(
    '%s: our Sig_structure is the published one exactly when the signature covers the message',
    (_, example) => {
      const { covers, parts, published } = example
      expect(toHex(sigStructure(parts.protectedBytes, parts.payload, '')) === toHex(published)).toBe(covers)
    },
  )

  it('sign-pass-02: external data stands where our Sig_structure puts the kind of object', () => {
    const example = examples.find(({ path }) => path === 'sign1-tests/sign-pass-02.json')
    if (example === undefined) throw new Error('no sign-pass-02')
    const { parts, external, published } = example
    expect(external).toHaveLength(12)
    expect(toHex(encodeCbor(['Signature1', parts.protectedBytes, external, parts.payload]))).toBe(toHex(published))
  })

  it.each(named(examples))('%s: a header is of use only with an algorithm we take, protected', (path, { parts }) => {
    const { header } = parseSign1(encodeSign1(parts))
    // None of the examples protects its key id; with one, only the algorithm can be what is refused.
    const withKid = new Map([...header, [HEADER_KID, new Uint8Array(8)]] as const)
    if (/sign-(fail-03|fail-04|pass-01)/.test(path)) expect(() => readAlgKid(withKid)).toThrow(MalformedCbor)
    else expect(readAlgKid(withKid).alg).toBe(ES256)
  })

  describe.each(suites)('%s', (_, suite) => {
    const verifierOf = ({ publicKey }: (typeof examples)[number]) => suite.verifier({ alg: ES256, bytes: publicKey })

    it.each(named(examples))(
      '%s: the signature holds over the published bytes, with the low s only',
      async (_, example) => {
        const verifier = await verifierOf(example)
        const { signature } = example.parts
        expect(sOf(signature)).toBe(example.s)
        expect(await verifier.verify(example.published, signature)).toBe(example.s === 'low')
        expect(await verifier.verify(example.published, twin(signature))).toBe(example.s === 'high')
      },
    )

    // Moved into our profile: written by `encodeSign1` without the unprotected part, which no signature covers.
    it.each(named(examples))(
      '%s: in our profile it verifies exactly when the signature covers the message',
      async (_, example) => {
        const low = example.s === 'low' ? example.parts.signature : twin(example.parts.signature)
        const parsed = parseSign1(encodeSign1({ ...example.parts, signature: low }))
        const verifier = await verifierOf(example)
        expect(await verifySign1(verifier, parsed, '')).toBe(example.covers)
        // A signature over one kind of object never holds for another.
        expect(await verifySign1(verifier, parsed, 'molam-receipt-v1')).toBe(false)
      },
    )
  })
})
