import { WorkerEntrypoint } from 'cloudflare:workers'

/**
 * The leanest stand-ins for what surrounds the edge: a consumer of the settle queue that counts, and a rate limit that
 * says yes. Miniflare's own rate limit writes each count to a disk, which Cloudflare's does not.
 */
let settleMessages = 0

export class AnyRate extends WorkerEntrypoint {
  limit(): { success: boolean } {
    return { success: true }
  }
}

export default {
  fetch: () => Response.json({ settleMessages }),
  queue: (batch) => {
    if (batch.queue === 'molam-settle') settleMessages += batch.messages.length
  },
} satisfies ExportedHandler
