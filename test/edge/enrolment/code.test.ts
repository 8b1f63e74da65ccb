import { expect, it } from 'vitest'
import { expiryOf, mayHaveCode, walletAad } from '../../../src/edge/enrolment/code.ts'
import { NOW_MS } from '../../risk/kit.ts'

const HOUR_MS = 3_600_000
const asked = { country: 'SN', tenant: 'T-1', ownerWallet: 'W-SHOP' } as const
const registered = { ...asked, status: 'active' } as const
const unknown = { registered: undefined, latest: undefined }

it.each([
  ['nobody has', unknown],
  ['is registered as just this: it may have lost its state', { ...unknown, registered }],
  ['is suspended', { ...unknown, registered: { ...registered, status: 'suspended' as const } }],
  ['has a code of the same tenant', { ...unknown, latest: { tenant: 'T-1', expiresAtMs: NOW_MS + 1 } }],
  ['had a code of another tenant, expired now', { ...unknown, latest: { tenant: 'T-2', expiresAtMs: NOW_MS } }],
])('a code may be made for a device that %s', (_, known) => {
  expect(mayHaveCode(asked, known, NOW_MS)).toEqual({ ok: true, value: true })
})

it.each([
  ['is another tenant’s', { ...unknown, registered: { ...registered, tenant: 'T-2' } }],
  ['is in another country', { ...unknown, registered: { ...registered, country: 'CI' as const } }],
  ['has another owner', { ...unknown, registered: { ...registered, ownerWallet: 'W-OTHER' } }],
  ['is revoked', { ...unknown, registered: { ...registered, status: 'revoked' as const } }],
  ['another tenant expects', { ...unknown, latest: { tenant: 'T-2', expiresAtMs: NOW_MS + 1 } }],
])('no code is made for a device that %s', (_, known) => {
  expect(mayHaveCode(asked, known, NOW_MS)).toEqual({ ok: false, error: { code: 'device_exists' } })
})

it('a code is good for as many hours as were asked for', () => {
  expect(expiryOf(24, NOW_MS)).toBe(NOW_MS + 24 * HOUR_MS)
})

it('what is sealed for a code and a device is for no other code and no other device', () => {
  const of = walletAad('C-1', 'POS-1')
  expect([walletAad('C-2', 'POS-1'), walletAad('C-1', 'POS-2')]).not.toContain(of)
})
