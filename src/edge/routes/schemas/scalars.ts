import { z } from '@hono/zod-openapi'
import { COUNTRIES } from '../../../protocol/policy.ts'

/**
 * What the API answers, as its document says it. Closed: an answer with a member that is not here is a fault, and a test holds
 * real answers of every route against them. Times are UTC milliseconds, amounts minor units, bytes base64url.
 */
export const count = z.int().min(0)
export const atMs = count.openapi({ description: 'UTC milliseconds', example: 1_793_000_000_000 })
export const bytes = z.string().openapi({ format: 'base64url' })
export const hex = z.string().openapi({ format: 'hex' })
export const id = z.string()
export const country = z.enum(COUNTRIES)
export const localId = z.string().openapi({ example: 'POS-001/42' })
export const reason = z.string().openapi({ example: 'insufficient_funds' })
export const score = z.number().min(0).max(1)
