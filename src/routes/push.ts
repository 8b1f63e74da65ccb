import { Hono } from 'hono'
import { configOf } from '../config.ts'
import { push } from '../ingest/push.ts'
import { toBase64url } from '../protocol/bytes.ts'
import { encodePushResponse } from '../protocol/notice.ts'
import { cbor, refuse, wantsCbor } from './answers.ts'
import type { App } from './app-types.ts'
import { noticeJson, receiptJson } from './signed-json.ts'

/** `POST /offline/push`: a bundle in, its receipt and what the device missed out. */
export const pushRoutes = new Hono<App>().post('/offline/push', async (c) => {
  const keys = await configOf(c.env).keys()
  const deps = { env: c.env, keys, nowMs: () => Date.now(), requestId: c.get('requestId') }
  const result = await push(c.req.raw, deps)
  if (!result.ok) return refuse(c, result.error)
  const { receipt, notice } = result.value
  if (wantsCbor(c)) return cbor(c, encodePushResponse(receipt, notice))
  return c.json({
    receipt: { ...receiptJson(receipt), signed: toBase64url(receipt) },
    notice: { ...noticeJson(notice), signed: toBase64url(notice) },
  })
})
