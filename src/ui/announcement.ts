import type { EntryStatus, OfflinePayment } from '../device/sdk/index.ts'
import type { DeviceSnapshot } from './sdk-store.ts'
import type { Messages } from './words/messages.ts'

/** The order in which news is told: what needs somebody first. */
const BY_URGENCY: readonly EntryStatus[] = [
  'failed',
  'refused',
  'quarantined',
  'review',
  'claimed',
  'reversed',
  'succeeded',
  'pending',
  'pending_offline',
  'voided',
]

/**
 * What a screen reader is told of all that happened between two moments, in one sentence a kind.
 *
 * @returns empty when nothing did that is worth a word
 */
export function announcementOf(before: DeviceSnapshot, after: DeviceSnapshot, words: Messages): string {
  // What is read from the disk when the page opens is no news.
  if (before.state.status === 'created') return ''
  const known = new Map(before.payments.map(({ localId, status }) => [localId, status]))
  const news = after.payments.filter(({ localId, status }) => known.get(localId) !== status)
  return [
    connection(before, after, words),
    due(before, after, words),
    ...BY_URGENCY.map((status) => told(status, news, words)),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

function told(status: EntryStatus, news: readonly OfflinePayment[], words: Messages): string {
  const count = news.filter((payment) => payment.status === status).length
  return count === 0 ? '' : words.announce[status](count)
}

/** Once a day before nothing can be taken any more, and once when that is so. */
function due({ state: before }: DeviceSnapshot, { state: after }: DeviceSnapshot, words: Messages): string {
  if (after.syncDue === undefined || before.syncDue === after.syncDue) return ''
  return after.syncDue === 'overdue' ? words.banner.syncOverdue : words.next.connect
}

function connection({ state: before }: DeviceSnapshot, { state: after }: DeviceSnapshot, words: Messages): string {
  if (before.status === after.status) return ''
  if (after.status === 'ready') return `${words.banner.online}.`
  return after.status === 'offline_ready' ? `${words.banner.offline}, ${words.banner.kept}.` : ''
}
