import type { newSecrets } from '../dev/secrets.ts'

export const API_URL = 'https://edge.sim'
export const QUEUE_API_URL = 'https://queues.sim/client/v4'
/** Who brings codes to telephones. */
export const GATEWAY_URL = 'https://gateway.sim/codes'
export type Secrets = Awaited<ReturnType<typeof newSecrets>>

/** The reconciler's environment. It polls seldom: it is woken when the queue has something. */
export const settingsOf = ({ secrets }: { readonly secrets: Secrets }): Readonly<Record<string, string>> => ({
  ENVIRONMENT: 'test',
  RECORD_DATABASE_URL: 'postgres://record@book.sim/molam',
  SETTLE_DATABASE_URL: 'postgres://settle@book.sim/molam',
  READ_DATABASE_URL: 'postgres://read@book.sim/molam',
  QUEUE_API_URL,
  CF_ACCOUNT_ID: 'sim',
  QUEUE_ID: 'molam-settle',
  DLQ_ID: 'molam-settle-dlq',
  QUEUE_TOKEN: 'sim',
  QUEUE_POLL_MS: '60000',
  EDGE_URL: API_URL,
  CONSENT_CODE_URL: GATEWAY_URL,
  CONSENT_CODE_TOKEN: 'gateway',
  ...secrets,
})
