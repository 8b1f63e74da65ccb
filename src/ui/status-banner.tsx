import type { OfflineError, OfflineState } from '../sdk/index.ts'
import { OfflineErrorNotice } from './error-notice.tsx'
import { useAllowance, useOffline, useTimeFormat, useUnsyncedGuard } from './hooks.ts'
import { Icon, type IconName } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import type { Messages } from './words/messages.ts'

/**
 * How the device stands, in a line, and below it whatever a person must know: what is only on this device, what waits,
 * by when to connect. A blocked device is an alert.
 */
export function OfflineStatusBanner() {
  const { words, locale } = useOfflineContext()
  const state = useOffline()
  const allowance = useAllowance()
  const guard = useUnsyncedGuard()
  const format = useTimeFormat()
  const { icon, text } = headline(state, words)
  const { banner } = words
  const notes = [
    (guard.status === 'unsynced' || (guard.status === 'unknown' && state.status === 'blocked')) && guard.message,
    state.waiting > 0 && banner.waiting(state.waiting),
    state.damaged.length > 0 && banner.damaged(state.damaged.length),
    state.parked && state.status !== 'blocked' && banner.parked,
    state.status === 'needs_network' && connectText(state.error, words),
    state.status === 'offline_ready' && allowance && banner.syncBefore(format(allowance.syncBeforeMs)),
  ].filter((note) => typeof note === 'string')
  return (
    <section className="molam-banner" aria-label={banner.region} lang={locale} data-status={state.status}>
      <p className="molam-headline">
        <Icon name={icon} />
        <span>{text}</span>
        {state.syncing && (
          <span className="molam-syncing">
            <Icon name="sync" />
            {banner.syncing}
          </span>
        )}
      </p>
      {notes.length > 0 && (
        <ul className="molam-notes">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {state.status === 'blocked' && <OfflineErrorNotice error={state.error} />}
    </section>
  )
}

function headline(state: OfflineState, { banner }: Messages): { icon: IconName; text: string } {
  switch (state.status) {
    case 'created':
      return { icon: 'pending_offline', text: banner.opening }
    case 'needs_network':
      return { icon: 'offline', text: banner.firstContact }
    case 'blocked':
      return { icon: 'blocked', text: banner.blocked }
    case 'offline_ready':
      return { icon: 'offline', text: banner.offline }
    case 'ready':
      return { icon: 'online', text: banner.online }
    case 'destroyed':
      return { icon: 'close', text: banner.closed }
  }
}

/** A device that has never synced does not get better by waiting: somebody must bring it to a network. */
const connectText = ({ next }: OfflineError, words: Messages): string => words.next[next === 'wait' ? 'connect' : next]
