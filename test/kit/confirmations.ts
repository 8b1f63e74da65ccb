import { type Confirmation, decodeConfirmations, splitConfirmations } from '../../src/protocol/confirmations.ts'

/** All that a call of the reconciler says, device by device, as the edge and its objects read it. */
export const readCall = (body: Uint8Array): readonly Confirmation[] =>
  [...splitConfirmations(body)].flatMap(([deviceId, own]) =>
    decodeConfirmations(deviceId, own).map((confirmation) => {
      if (confirmation.kind !== 'bundle_settled') return confirmation
      const { encoded: _, ...settled } = confirmation
      return settled
    }),
  )
