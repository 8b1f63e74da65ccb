import * as z from 'zod'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../src/crypto/hmac.ts'
import type { Amount } from './amount.ts'

/**
 * What the edge received, from its own read model, bundle by bundle: `GET /internal/received?date=&country=`, a service
 * call that pages with `cursor`. Days are those of the country's policy.
 */
const bundle = z.object({
  bundle_id: z.string(),
  device_id: z.string(),
  currency: z.string(),
  /** Not refused at admission. */
  admitted_count: z.int().nonnegative(),
  admitted_amount: z.int().nonnegative(),
})
const page = z.object({ bundles: z.array(bundle), next_cursor: z.string().nullable() })

export interface EdgeBundle {
  readonly deviceId: string
  readonly bundleId: string
  readonly currency: string
  readonly admitted: Amount
}

export type EdgeSide =
  | { readonly asked: true; readonly bundles: readonly EdgeBundle[] }
  /** The report is made of the receipts alone, and says so. */
  | { readonly asked: false; readonly why: string }

/** @param onPage told how many bundles there are so far */
export type EdgeReceived = (date: string, country: string, onPage: (bundles: number) => void) => Promise<EdgeSide>

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
  return async (date, country, onPage) => {
    const bundles: EdgeBundle[] = []
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
        const answer = page.parse(await response.json())
        for (const one of answer.bundles) bundles.push(bundleOf(one))
        onPage(bundles.length)
        if (answer.next_cursor === null) return { asked: true, bundles }
        cursor = answer.next_cursor
      }
    } catch (error) {
      return { asked: false, why: `the edge cannot be asked: ${error instanceof Error ? error.name : 'unknown'}` }
    }
    return { asked: false, why: 'the edge’s answer has no end' }
  }
}

const bundleOf = (one: z.output<typeof bundle>): EdgeBundle => ({
  ...{ deviceId: one.device_id, bundleId: one.bundle_id, currency: one.currency },
  admitted: { count: one.admitted_count, minor: one.admitted_amount },
})
