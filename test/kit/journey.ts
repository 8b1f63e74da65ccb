import type { Stack } from '../../dev/stack.ts'

/** Only ends what never comes: a busy machine may take its time. */
const DEADLINE_MS = 300_000
const EVERY_MS = 50

/** Asks until there is an answer. @throws when the deadline passes */
export async function until<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > deadline) throw new Error(`it did not happen within ${DEADLINE_MS / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

/** The first bundle of a device as its object keeps it: the bytes that were on the wire, base64url. */
export async function bundleOnTheWire(stack: Stack, deviceId: string) {
  const db = await stack.edge.miniflare.getD1Database('DB', 'molam-offline')
  const bundleId = await until(async () => {
    const query = 'SELECT bundle_id FROM offline_tx_bundles WHERE device_id = ? AND seq = 1'
    return (await db.prepare(query).bind(deviceId).first<string>('bundle_id')) ?? undefined
  })
  const authorization = `Bearer ${await stack.issuer.token('auditor', ['pay_auditor'])}`
  const answer = await fetch(`${stack.edge.url}/offline/bundles/${bundleId}`, { headers: { authorization } })
  return (await answer.json()) as { bundle_id: string; bundle: string; receipt: string }
}
