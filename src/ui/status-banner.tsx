import type { OfflineError, OfflineState } from '../device/sdk/index.ts'
import { OfflineErrorNotice } from './error-notice.tsx'
import { type UnsyncedGuard, useLimits, useOffline, useTimeFormat, useUnsyncedGuard } from './hooks.ts'
import { Icon, type IconName } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import type { Messages } from './words/messages.ts'

/**
 * How the device stands, in a line, and below it whatever a person must know: what is only on this device, what waits,
 * by when to connect. A blocked device is an alert. A sync that comes and goes moves nothing on the page.
 */
export function OfflineStatusBanner() {
  const { words, locale } = useOfflineContext()
  const state = useOffline()
  const notes = useNotes(state)
  const { icon, text, more } = headline(state, words)
  const { banner } = words
  return (
    <section className="molam-banner" aria-label={banner.region} lang={locale} data-status={state.status}>
      <div className="molam-headline">
        <Icon name={icon} />
        <p>
          <strong>{text}</strong> {more && <span>{more}</span>}
        </p>
        <span className="molam-syncing">
          {state.syncing && (
            <>
              <Icon name="sync" />
              <span className="molam-hidden">{banner.syncing}</span>
            </>
          )}
        </span>
      </div>
      {notes.length > 0 && (
        <ul className="molam-notes">
          {notes.map(({ kind, text }) => (
            <li key={kind} data-note={kind}>
              {text}
            </li>
          ))}
        </ul>
      )}
      {state.status === 'blocked' && <OfflineErrorNotice error={state.error} />}
    </section>
  )
}

interface Note {
  readonly kind: 'unsynced' | 'waiting' | 'syncBefore' | 'syncDue' | 'damaged' | 'parked' | 'connect'
  readonly text: string
}

function useNotes(state: OfflineState): readonly Note[] {
  const { words } = useOfflineContext()
  const allowance = useLimits()
  const guard = useUnsyncedGuard()
  const format = useTimeFormat()
  const { banner } = words
  const notes: (Note | false | undefined)[] = [
    isTold(guard, state) && { kind: 'unsynced', text: guard.message },
    state.waiting > 0 && { kind: 'waiting', text: banner.waiting(state.waiting) },
    state.damaged.length > 0 && { kind: 'damaged', text: banner.damaged(state.damaged.length) },
    state.parked && state.status !== 'blocked' && { kind: 'parked', text: banner.parked },
    state.status === 'needs_network' && { kind: 'connect', text: connectText(state.error, words) },
    state.syncDue === 'overdue' && { kind: 'syncDue', text: banner.syncOverdue },
    isToConnect(state) &&
      allowance && {
        kind: state.syncDue === 'soon' ? 'syncDue' : 'syncBefore',
        text: banner.syncBefore(format(allowance.syncBeforeMs)),
      },
  ]
  return notes.filter((note) => typeof note === 'object')
}

/** A device that is being opened, or was never in contact, has something else to say first. */
const isTold = (guard: UnsyncedGuard, { status }: OfflineState): guard is Exclude<UnsyncedGuard, { status: 'safe' }> =>
  guard.status === 'unsynced' || (guard.status === 'unknown' && status === 'blocked')

interface Headline {
  readonly icon: IconName
  readonly text: string
  readonly more?: string
}

function headline(state: OfflineState, { banner }: Messages): Headline {
  switch (state.status) {
    case 'created':
      return { icon: 'pending_offline', text: banner.opening }
    case 'needs_network':
      return { icon: 'offline', text: banner.firstContact }
    case 'blocked':
      return { icon: 'blocked', text: banner.blocked }
    case 'offline_ready':
      return { icon: 'offline', text: banner.offline, more: banner.kept }
    case 'ready':
      return { icon: 'online', text: banner.online }
    case 'destroyed':
      return { icon: 'close', text: banner.closed }
  }
}

const isToConnect = ({ status, syncDue }: OfflineState): boolean =>
  syncDue !== 'overdue' && (status === 'offline_ready' || syncDue === 'soon')

/** A device that has never synced does not get better by waiting: somebody must bring it to a network. */
const connectText = ({ next }: OfflineError, words: Messages): string => words.next[next === 'wait' ? 'connect' : next]
