import { expect, it } from 'vitest'
import { deviceToken } from '../../../src/edge/ingest/device-auth.ts'
import { prefersCbor } from '../../../src/edge/routes/accept.ts'

it.each([
  ['application/cbor', true],
  ['APPLICATION/CBOR', true],
  ['Application/Cbor;q=0.2', true],
  ['application/cbor, application/json', true],
  ['application/cbor, */*', true],
  ['text/html, application/cbor;q=0.9, application/json;q=0.8', true],
  ['application/json;q=0, */*', true],
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['application/*', false],
  ['application/json', false],
  ['application/cbor;q=0', false],
  ['application/cbor;q=0, */*', false],
  ['application/cbor;q=0.5, application/json', false],
  ['application/cbor-seq', false],
  ['text/plain; note="application/cbor"', false],
])('Accept: %s', (accept, cbor) => {
  expect(prefersCbor(accept)).toBe(cbor)
})

it.each([
  ['Molam-Device AAAA', 'AAAA'],
  ['molam-device AAAA', 'AAAA'],
  ['MOLAM-DEVICE  AAAA', 'AAAA'],
  ['Molam-Device ', ''],
  ['Molam-Devices AAAA', undefined],
  ['Bearer AAAA', undefined],
  ['', undefined],
])('Authorization: %s', (authorization, token) => {
  const headers = authorization === '' ? new Headers() : new Headers({ authorization })
  expect(deviceToken(headers)).toBe(token)
})
