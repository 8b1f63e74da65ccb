import type { AuditRow, IndexMessage } from '../../../src/edge/store/index-message.ts'

/** Bytes of a message to the read model, without its MAC. A Queue takes 128 000, some of them its own. */
export const INDEX_MESSAGE_BYTES_MAX = 120_000
/** Bytes of audit records that travel together: with them a bundle of the usual size still fits. */
const AUDIT_PAGE_BYTES = 32_000

/**
 * News with audit records of the device: in one message when that fits, otherwise in several. What the news itself carries
 * stays with it, because it is owed with it. Pure.
 */
export function withAudit(news: IndexMessage, audit: readonly AuditRow[]): IndexMessage[] {
  const [first, ...others] = auditMessages(audit)
  if (first === undefined) return [news]
  const both = { ...news, audit: [...(news.audit ?? []), ...(first.audit ?? [])] }
  return bytesAtMost(both) <= INDEX_MESSAGE_BYTES_MAX ? [both, ...others] : [news, first, ...others]
}

/** A message as it can be sent: a bundle with very many settlements lets the records of them go before it. */
export function fitting(message: IndexMessage): IndexMessage[] {
  const { audit, ...news } = message
  if (audit === undefined || bytesAtMost(message) <= INDEX_MESSAGE_BYTES_MAX) return [message]
  return [...auditMessages(audit), news]
}

/** Audit records in messages of their own. */
export function auditMessages(audit: readonly AuditRow[]): IndexMessage[] {
  const pages: AuditRow[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const row of audit) {
    const own = textBytes(row)
    if (bytes + own > AUDIT_PAGE_BYTES) {
      pages.push([])
      bytes = 0
    }
    pages.at(-1)?.push(row)
    bytes += own
  }
  return pages.map((page) => ({ audit: page }))
}

/**
 * More than the Queue's encoding (structured clone) takes: it writes a text with one or two bytes a character, numbers and
 * the ends of lists with fewer bytes than twice their JSON.
 */
export function bytesAtMost({ bundle, ...rest }: IndexMessage): number {
  if (bundle === undefined) return textBytes(rest)
  const { digest, ...row } = bundle
  return textBytes({ ...rest, bundle: row }) + digest.length + BLOB_FIELD_BYTES
}

const textBytes = (value: object): number => 2 * JSON.stringify(value).length
/** Its name and length. */
const BLOB_FIELD_BYTES = 32
