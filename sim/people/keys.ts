import type { Random } from '../time/random.ts'

/** @returns a private key of P-256: below the group's order, and not zero */
export function newScalar(random: Random): Uint8Array {
  const scalar = random.bytes(32)
  scalar[0] = ((scalar[0] ?? 0) & 0x7f) | 1
  return scalar
}
