import { describe, expect, it } from 'vitest'
import type { EnrolmentCode } from '../../../src/edge/enrolment/code.ts'
import { circumstances, claimOf, registrationOf, validCode } from '../../../src/edge/enrolment/enrol.ts'
import { ES256 } from '../../../src/protocol/cose.ts'
import type { DeviceId } from '../../../src/protocol/ids.ts'
import { DEVICE, NOW_MS, OWNER, POLICY } from '../../risk/kit.ts'

const code: EnrolmentCode & { readonly deviceId: DeviceId } = {
  ...{ id: 'C-1', deviceId: DEVICE, codeHash: 'hash', country: 'SN' as const, tenant: 'T-1' },
  ...{ sealedWallet: new Uint8Array(40), createdBy: 'pay-admin', createdAtMs: NOW_MS - 1_000, expiresAtMs: NOW_MS + 1 },
}
const invalid = { ok: false, error: { code: 'enrolment_code_invalid' } }

describe('a code', () => {
  it('holds for the device that the proof claims, until it expires', () => {
    expect(claimOf('7H2K-9QXA-0M4V-ZR3D', DEVICE)).toEqual({
      ok: true,
      value: { code: '7H2K-9QXA-0M4V-ZR3D', deviceId: DEVICE },
    })
    expect(validCode(code, 'hash', NOW_MS)).toEqual({ ok: true, value: code })
  })

  it.each([
    ['what was typed can be no code', claimOf(undefined, DEVICE)],
    ['no proof names a device', claimOf('7H2K-9QXA-0M4V-ZR3D', undefined)],
    ['the device has no code', validCode(undefined, 'hash', NOW_MS)],
    ['the device’s latest code is another', validCode(code, 'other', NOW_MS)],
    ['it expires now', validCode(code, 'hash', NOW_MS + 1)],
  ])('is refused in the same words when %s', (_, refused) => {
    expect(refused).toEqual(invalid)
  })
})

describe('a registration', () => {
  const key = { alg: ES256, kid: new Uint8Array([1]), publicKey: new Uint8Array([2]) } as const
  const around = { ownerWallet: OWNER, policy: POLICY }

  it('is what the code says of the device, with the key that was proven now', () => {
    expect(circumstances(OWNER, POLICY)).toEqual({ ok: true, value: around })
    expect(registrationOf(code, around, { ...key, isNow: true }, NOW_MS)).toEqual({
      ok: true,
      value: { deviceId: DEVICE, country: 'SN', tenant: 'T-1', ...around, ...key },
    })
  })

  it('is not made by a proof that was made at another time, and the answer tells the time', () => {
    expect(registrationOf(code, around, { ...key, isNow: false }, NOW_MS)).toEqual({
      ok: false,
      error: { code: 'clock_skew', serverTimeMs: NOW_MS },
    })
  })

  it.each([
    ['the owner’s wallet cannot be read', undefined, POLICY],
    ['no policy can be read', OWNER, undefined],
  ])('waits when %s', (_, wallet, policy) => {
    expect(circumstances(wallet, policy)).toEqual({
      ok: false,
      error: { code: 'temporarily_unavailable', retryAfterS: 5 },
    })
  })
})
