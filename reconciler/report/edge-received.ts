import * as z from 'zod'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../src/crypto/hmac.ts'

/**
 * The edge's own count of what it received, from its read model: `GET /internal/received?date=&country=`, a service call.
 * Pages with `cursor`; days are those of the country's policy.
 */
const page = z.object({
  devices: z.array(
    z.object({
      device_id: z.string(),
      currency: z.string(),
      bundles: z.int().nonnegative(),
      /** Not refused at admission. */
      admitted_count: z.int().nonnegative(),
      admitted_amount: z.int().nonnegative(),
    }),
  ),
  next_cursor: z.string().nullish(),
})

export interface EdgeDevice {
  readonly deviceId: string
  readonly bundles: number
}

export type EdgeSide =
  | { readonly asked: true; readonly devices: readonly EdgeDevice[] }
  /** The report is made of the receipts alone, and says so. */
  | { readonly asked: false; readonly why: string }

export type EdgeReceived = (date: string, country: string) => Promise<EdgeSide>

export const isAsked = (side: EdgeSide): side is Extract<EdgeSide, { asked: true }> => side.asked

const CALL_TIMEOUT_MS = 15_000
const PAGES_MAX = 10_000
const PATH = '/internal/received'

export const noEdge: EdgeReceived = async () => ({ asked: false, why: 'EDGE_URL and INTERNAL_HMAC_KEY are not set' })

export async function edgeReceived(
  edge: { readonly url: string; readonly hmacSecret: Uint8Array },
  fetch: typeof globalThis.fetch,
  clock: () => number,
): Promise<EdgeReceived> {
  const key = await importHmacKey(edge.hmacSecret)
  return async (date, country) => {
    const bundles = new Map<string, number>()
    let cursor: string | undefined
    try {
      for (let n = 0; n < PAGES_MAX; n++) {
        const url = new URL(PATH, edge.url)
        url.search = new URLSearchParams({ date, country, ...(cursor !== undefined && { cursor }) }).toString()
        const call = { method: 'GET', path: url.pathname + url.search, body: new Uint8Array() }
        const headers = { [SERVICE_HEADER]: await signServiceCall(key, call, clock()) }
        const response = await fetch(url, { headers, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })
        if (!response.ok) {
          await response.body?.cancel()
          return { asked: false, why: `the edge answered ${response.status}` }
        }
        const { devices, next_cursor } = page.parse(await response.json())
        // A device whose policy changed its currency during the day comes once for each.
        for (const one of devices) bundles.set(one.device_id, (bundles.get(one.device_id) ?? 0) + one.bundles)
        if (next_cursor == null) break
        cursor = next_cursor
      }
    } catch (error) {
      return { asked: false, why: `the edge cannot be asked: ${error instanceof Error ? error.name : 'unknown'}` }
    }
    return { asked: true, devices: [...bundles].map(([deviceId, count]) => ({ deviceId, bundles: count })) }
  }
}
