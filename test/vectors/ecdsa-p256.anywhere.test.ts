import { describe, expect, it } from 'vitest'
import { fromHex } from '../../src/protocol/bytes.ts'
import { ES256 } from '../../src/protocol/cose.ts'
import data from './ecdsa-p256-sha256-p1363.json' with { type: 'json' }
import { sOf, suites, twin } from './suites.ts'

interface Vector {
  readonly name: string
  readonly flags: readonly string[]
  readonly publicKey: Uint8Array
  readonly msg: Uint8Array
  readonly signature: Uint8Array
  /** Wycheproof's verdict; ours differs for a high s. */
  readonly valid: boolean
}
type Row = [tcId: number, comment: string, flags: string[], msg: string, sig: string, result: string]

const vectors: readonly Vector[] = [...listed(), ...specialValues()]

describe('Wycheproof ecdsa_secp256r1_sha256_p1363', () => {
  it('is this selection: 139 tests, all 13 flags, 62 of them valid, 27 of those with the high s', () => {
    expect(vectors).toHaveLength(139)
    expect(new Set(vectors.flatMap(({ flags }) => flags)).size).toBe(13)
    const valid = vectors.filter((vector) => vector.valid)
    expect(valid).toHaveLength(62)
    expect(valid.filter(({ signature }) => sOf(signature) === 'high')).toHaveLength(27)
  })

  describe.each(suites)('%s', (_, suite) => {
    const verify = async ({ publicKey, msg }: Vector, signature: Uint8Array) =>
      (await suite.verifier({ alg: ES256, bytes: publicKey })).verify(msg, signature)
    const withS = (valid: boolean, s: 'low' | 'high' | 'none') =>
      vectors.filter((vector) => vector.valid === valid && sOf(vector.signature) === s).map((v) => [v.name, v] as const)

    it.each(withS(true, 'low'))('%s: holds, and its twin with the high s is refused', async (_, vector) => {
      expect(await verify(vector, vector.signature)).toBe(true)
      expect(await verify(vector, twin(vector.signature))).toBe(false)
    })

    // Wycheproof calls these valid. We refuse every high s (malleability) and take the other signature of the pair.
    it.each(withS(true, 'high'))('%s: refused for its high s, and its twin with the low s holds', async (_, vector) => {
      expect(await verify(vector, vector.signature)).toBe(false)
      expect(await verify(vector, twin(vector.signature))).toBe(true)
    })

    // The twin too, so that no wrong signature is refused merely because its s is high.
    it.each([...withS(false, 'low'), ...withS(false, 'high')])('%s: refused, and so is its twin', async (_, vector) => {
      expect(await verify(vector, vector.signature)).toBe(false)
      expect(await verify(vector, twin(vector.signature))).toBe(false)
    })

    it.each(withS(false, 'none'))('%s: refused, without an exception', async (_, vector) => {
      expect(await verify(vector, vector.signature)).toBe(false)
    })
  })
})

function listed(): Vector[] {
  return data.groups.flatMap(({ publicKey, tests }) =>
    (tests as Row[]).map(([tcId, comment, flags, msg, sig, result]) => ({
      name: `${tcId} ${comment}`,
      flags,
      publicKey: fromHex(publicKey),
      msg: fromHex(msg),
      signature: fromHex(sig),
      valid: result === 'valid',
    })),
  )
}

/** Tests 11–59: every pair of seven special values for r and s, none of which is a signature. */
function specialValues(): Vector[] {
  const { firstTcId, flag, publicKey, msg, order } = data.specialValues
  const values: Readonly<Record<string, string>> = data.specialValues.values
  return order.flatMap((r, i) =>
    order.map((s, j) => ({
      name: `${firstTcId + i * order.length + j} r=${r} and s=${s}`,
      flags: [flag],
      publicKey: fromHex(publicKey),
      msg: fromHex(msg),
      signature: fromHex(`${values[r]}${values[s]}`),
      valid: false,
    })),
  )
}
