import * as z from 'zod'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../src/crypto/hmac.ts'
import { type Amount, sum } from './amount.ts'

/**
 * The edge's own count of what it received, from its read model: `GET /internal/received?date=&country=`, a service call.
 * Pages with `cursor`, each of some bundles, so a device may come on several; days are those of the country's policy.
 */
const device = z.object({
  device_id: z.string(),
  currency: z.string(),
  bundles: z.int().nonnegative(),
  /** Not refused at admission. */
  admitted_count: z.int().nonnegative(),
  admitted_amount: z.int().nonnegative(),
})
const page = z.object({ devices: z.array(device), next_cursor: z.string().nullable() })

/** A device's bundles in one currency. */
export interface EdgeDevice {
  readonly deviceId: string
  readonly currency: string
  readonly bundles: number
  readonly admitted: Amount
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
    const devices: EdgeDevice[] = []
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
        devices.push(...answer.devices.map(deviceOf))
        if (answer.next_cursor === null) return { asked: true, devices: added(devices) }
        cursor = answer.next_cursor
      }
    } catch (error) {
      return { asked: false, why: `the edge cannot be asked: ${error instanceof Error ? error.name : 'unknown'}` }
    }
    return { asked: false, why: 'the edge’s answer has no end' }
  }
}

const deviceOf = (one: z.output<typeof device>): EdgeDevice => ({
  ...{ deviceId: one.device_id, currency: one.currency, bundles: one.bundles },
  admitted: { count: one.admitted_count, minor: one.admitted_amount },
})

/** Parts of one device and currency from several pages, together. */
function added(parts: readonly EdgeDevice[]): readonly EdgeDevice[] {
  const groups = Map.groupBy(parts, ({ deviceId, currency }) => `${deviceId}/${currency}`)
  return [...groups.values()].flatMap(([first, ...rest]) => {
    if (first === undefined) return []
    const bundles = rest.reduce((total, one) => total + one.bundles, first.bundles)
    return [{ ...first, bundles, admitted: sum([first, ...rest].map(({ admitted }) => admitted)) }]
  })
}
