import type * as z from 'zod'
import { readBody } from '../ingest/read-body.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { err, ok, type Result } from '../protocol/result.ts'

/** Bytes of a JSON body that a person or tool sends to the admin API. */
const JSON_BYTES_MAX = 64 * 1024

/** Reads a bounded JSON body into its schema. The detail names the fields that are wrong, never their values. */
export async function readJson<T>(request: Request, schema: z.ZodType<T>): Promise<Result<T, Refusal>> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') return err({ code: 'unsupported_media_type' })
  const body = await readBody(request, JSON_BYTES_MAX)
  if (!body.ok) return body
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body.value))
  } catch {
    return err({ code: 'invalid_request', detail: 'not JSON' })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return ok(parsed.data)
  const faults = parsed.error.issues.slice(0, 10).map((issue) => `${issue.path.join('.') || 'body'}: ${issue.code}`)
  return err({ code: 'invalid_request', detail: faults.join(', ') })
}
