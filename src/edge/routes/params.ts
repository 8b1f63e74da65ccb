import { z } from '@hono/zod-openapi'
import { type DeviceId, isDeviceId, parseUlid } from '../../protocol/ids.ts'
import { COUNTER_MAX, REVIEW_REASON_CHARS_MAX } from '../../protocol/limits.ts'
import { COUNTRIES } from '../../protocol/policy.ts'

/** What many routes take. */
export const deviceId = z
  .string()
  .refine(isDeviceId)
  .transform((id) => id as DeviceId)
  .openapi({ example: 'POS-001' })
export const ulid = z.string().refine((id) => parseUlid(id) !== undefined)
export const bundleId = ulid.openapi({ example: '01JD3T4V8ZK6X9M2Q5W7Y0R1B3' })
export const country = z.enum(COUNTRIES)
export const tenant = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/)
export const counter = z.int().min(1).max(COUNTER_MAX)
/** A whole number in a query: decimal digits and nothing else, where `Number` also takes spaces, signs and other bases. */
export const queryInt = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .openapi({ type: 'integer', minimum, maximum })
/** UTC milliseconds. */
export const time = queryInt(0, Number.MAX_SAFE_INTEGER)
/** A number of things, or a sum of minor units. */
export const count = z.int().min(0)
export const reason = z.string().trim().min(3).max(REVIEW_REASON_CHARS_MAX)

export const deviceParams = z.object({ device_id: deviceId })
export const reasonBody = z.strictObject({ reason })

/** Header of every write by people. */
export const writeHeaders = z.object({
  'Idempotency-Key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .openapi({
      description:
        'The same key with the same request gets the same answer and changes nothing; with another request it is refused. ' +
        'A person’s keys are told apart for each device; registrations, enrolment codes and policies share theirs. ' +
        'Kept for 7 days; a request that was refused keeps none.',
    }),
})

/** A page of a list. */
/** Of a page about one device. */
export const incomplete = z.literal(true).optional().openapi({
  description:
    'The list was compared with what the device’s object says of the last weeks, and lacks some of it, or the object did not answer: ask again. Absent: nothing of them is missing',
})

export const page = <T extends z.ZodType>(name: string, item: T) =>
  z.strictObject({ [name]: z.array(item), next_cursor: z.string().nullable() })
