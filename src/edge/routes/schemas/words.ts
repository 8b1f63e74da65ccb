import { z } from '@hono/zod-openapi'
import { CLAIM_CHOICES } from '../../../protocol/claims.ts'
import { CODE_STATES } from '../../../protocol/consent-code.ts'
import { atMs, count } from './scalars.ts'

/** What devices are answered that bring what a wallet's holder says. */
export const claimAnswered = z.strictObject({
  choice: z.enum(CLAIM_CHOICES).openapi({ description: 'The choice that stands: that of the first answer' }),
})
export const consentTaken = z.strictObject({
  until: z.int().openapi({ description: 'Until when the device pays by it, UTC milliseconds' }),
})
export const codeAsked = z.strictObject({
  no: count.openapi({ description: "The request's number, which answers name" }),
  until: z.int().openapi({ description: 'Until when it can be answered, UTC milliseconds' }),
  state: z.enum(CODE_STATES).openapi({
    description:
      'waiting: it goes to the holder; sent; off, unknown_wallet, no_phone, too_many, undelivered: none comes, and why',
  }),
})
export const codeCame = z.strictObject({
  state: z
    .enum(['waiting', 'accepted', 'wrong', 'over', 'off', 'unknown_wallet', 'no_phone', 'too_many', 'undelivered'])
    .openapi({
      description:
        'waiting: the book is asked, send the same again; over: too late, or too often wrong; ask for another',
    }),
  tries_left: count,
  pays_until: atMs.optional().openapi({ description: 'Until when the device pays; when it was accepted' }),
})
export const mandateGiven = z.strictObject({
  no: count.openapi({ description: "The mandate's own number" }),
})
export const allowanceOrdered = z.strictObject({
  no: count.openapi({ description: "The allowance's own number" }),
})
