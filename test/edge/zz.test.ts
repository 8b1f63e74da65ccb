import { it } from 'vitest'
import { encodeCbor, Tagged } from '../../src/protocol/cbor.ts'
it('x', async () => {
  for (const n of [50, 100, 140, 200, 500, 5000]) {
  const e = encodeCbor(new Tagged(18, [new Uint8Array(20), new Map(), new Uint8Array(n), new Uint8Array(64)]))
  console.log(n, e.constructor.name, e.buffer.byteLength, e.length, e.byteOffset, e.slice().buffer.byteLength, e.slice().constructor.name, new Uint8Array(e).buffer.byteLength)
  }
})
