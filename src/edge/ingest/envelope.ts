import { BUNDLE_MEDIA_TYPE, type Bundle, parseBundle, UnsupportedVersion } from '../../protocol/bundle.ts'
import { fromBase64url } from '../../protocol/bytes.ts'
import { BUNDLE_BYTES_MAX, PUSH_BODY_BYTES_MAX } from '../../protocol/limits.ts'
import { parse } from '../../protocol/parse.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { readBody } from './read-body.ts'
import type { Refusal } from './refusal.ts'

/** Checks 1 and 2 of docs/protocol.md §7.1: size and type, then form and version. Nothing secret is touched. */
export interface Envelope {
  readonly encoded: Uint8Array
  readonly bundle: Bundle
}

export async function readEnvelope(request: Request): Promise<Result<Envelope, Refusal>> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  const isJson = type === 'application/json'
  if (!isJson && type !== BUNDLE_MEDIA_TYPE) return err({ code: 'unsupported_media_type' })
  const body = await readBody(request, isJson ? PUSH_BODY_BYTES_MAX : BUNDLE_BYTES_MAX)
  if (!body.ok) return body
  const encoded = isJson ? bundleOfJson(body.value) : body.value
  if (encoded === undefined) return err({ code: 'malformed_bundle' })
  if (encoded.length > BUNDLE_BYTES_MAX) return err({ code: 'bundle_too_large' })
  const bundle = parse(() => parseBundle(encoded))
  if (bundle.ok) return ok({ encoded, bundle: bundle.value })
  if (bundle.error instanceof UnsupportedVersion) return err({ code: 'unsupported_version' })
  return err({ code: 'malformed_bundle', detail: bundle.error.message })
}

/** `{"bundle": "<base64url>"}`, for tools and people. */
function bundleOfJson(body: Uint8Array): Uint8Array | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body))
    if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'bundle') return undefined
    const { bundle } = value as { bundle?: unknown }
    return typeof bundle === 'string' ? fromBase64url(bundle) : undefined
  } catch {
    return undefined
  }
}
