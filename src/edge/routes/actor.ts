import type { Context } from 'hono'
import type { Person as PersonActing } from '../../../durable-objects/device/person.ts'
import { toHex, utf8 } from '../../protocol/bytes.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { placeOf } from '../ingest/place.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { type App, personOf } from './app-types.ts'

/** Which request, and from where, for the audit log. */
export const requestOf = (c: Context<App>) => ({ requestId: c.get('requestId'), from: placeOf(c.req.raw) })

/** Who acts, for the audit log: the verified person, the request, from where, and the `Idempotency-Key` if there is one. */
export async function actorOf(c: Context<App>): Promise<Result<PersonActing, Refusal>> {
  const { subject, tenant } = personOf(c)
  const key = c.req.header('idempotency-key')
  if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) {
    return err({ code: 'invalid_request', detail: 'Idempotency-Key: 1 to 255 printable characters' })
  }
  const from = placeOf(c.req.raw)
  return ok({
    actor: await actorName(subject),
    requestId: c.get('requestId'),
    ...(from !== '' && { from }),
    ...(tenant !== undefined && { tenant }),
    ...(key !== undefined && { once: { key, fingerprint: await fingerprint(c) } }),
  })
}

/** A subject as it is written down. One that is an address or a number is personal, and stands there as its hash. */
export async function actorName(subject: string): Promise<string> {
  if (/^[A-Za-z0-9._:|-]+$/.test(subject) && !/^\d{6,}$/.test(subject)) return `user:${subject}`
  return `user:~${(await sha256Hex(utf8(subject))).slice(0, 24)}`
}

async function fingerprint(c: Context<App>): Promise<string> {
  const { pathname, search } = new URL(c.req.url)
  const head = utf8(`${c.req.method} ${pathname}${search}\n`)
  return sha256Hex(new Uint8Array([...head, ...(c.get('body') ?? [])]))
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as BufferSource)))
}
