import { BUNDLE_MEDIA_TYPE } from '../../protocol/bundle.ts'
import { toBase64url } from '../../protocol/bytes.ts'
import { encodePushResponse } from '../../protocol/notice.ts'
import { configOf } from '../config.ts'
import { push } from '../ingest/push.ts'
import { cbor, refuse, wantsCbor } from './answers.ts'
import { provenBy } from './app-types.ts'
import { pushAnswer } from './schemas/field.ts'
import { json, routes, secured } from './secured.ts'
import { noticeJson, receiptJson } from './signed-json.ts'

const route = secured('device', {
  method: 'post',
  path: '/offline/push',
  summary: 'Bring a bundle; get its receipt and what the device missed',
  tags: ['devices in the field'],
  request: {
    body: {
      required: true,
      content: {
        [BUNDLE_MEDIA_TYPE]: { schema: { type: 'string', format: 'binary' } },
        'application/json': {
          schema: { type: 'object', required: ['bundle'], properties: { bundle: { type: 'string' } } },
        },
      },
    },
  },
  answers: { 200: json(pushAnswer, 'Receipt and notice; as CBOR with `Accept: application/cbor`') },
  refusals: [
    'bundle_too_large',
    'malformed_bundle',
    'unsupported_version',
    'invalid_signature',
    'device_suspended',
    'device_revoked',
    'clock_skew',
    'unknown_recipient_key',
    'undecryptable',
    'invalid_payload',
    'bundle_conflict',
    'nonce_replayed',
    'chain_fork',
    'counters_missing',
    'too_far_ahead',
  ],
})

/** `POST /offline/push`: a bundle in, its receipt and what the device missed out. */
export const pushRoutes = routes().openapi(route, async (c) => {
  const { scorer, trusted, keys: load } = configOf(c.env)
  const keys = await load()
  const onVerified = (deviceId: string) => {
    provenBy(c, deviceId)
  }
  const settle = { queue: c.env.SETTLE_QUEUE, waitUntil: (work: Promise<unknown>) => c.executionCtx.waitUntil(work) }
  const now = { nowMs: () => Date.now(), requestId: c.get('requestId') }
  const deps = { env: c.env, keys, trusted, ...now, scorer, settle, onVerified }
  const result = await push(c.req.raw, deps)
  if (!result.ok) return refuse(c, result.error)
  const { receipt, notice } = result.value
  if (wantsCbor(c)) return cbor(c, encodePushResponse(receipt, notice))
  return c.json({
    receipt: { ...receiptJson(receipt), signed: toBase64url(receipt) },
    notice: { ...noticeJson(notice), signed: toBase64url(notice) },
  })
})
