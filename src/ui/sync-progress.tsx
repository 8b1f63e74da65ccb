import { useId } from 'react'
import type { OfflineError, OfflineState } from '../device/sdk/index.ts'
import { OfflineErrorNotice } from './error-notice.tsx'
import { useOffline, useSync, useTimeFormat } from './hooks.ts'
import { Icon } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import type { SyncRun } from './sync-run.ts'
import type { Messages } from './words/messages.ts'

/**
 * How the sync under way goes, or went, and a button that starts one. Sent is not paid: the bar is about payments that
 * reach the server, each payment's own status says the rest.
 */
export function OfflineSyncProgress() {
  const { words, locale } = useOfflineContext()
  const state = useOffline()
  const { run, syncNow } = useSync()
  const format = useTimeFormat()
  const titleId = useId()
  const running = run.status === 'syncing'
  const idle = state.status === 'created' || state.status === 'destroyed'
  const progress = running ? run.progress : undefined
  // What keeps the whole device from working is the banner's to say.
  const error = 'error' in state ? undefined : errorOf(run)
  const last = state.lastSyncMs
  return (
    <section className="molam-sync" aria-labelledby={titleId} lang={locale}>
      <div className="molam-sync-head">
        <div className="molam-sync-text">
          <h2 className="molam-title" id={titleId}>
            {words.sync.title}
          </h2>
          <p className="molam-sync-line">{lineOf(run, state, words)}</p>
        </div>
        <button
          type="button"
          className="molam-button"
          aria-disabled={running || idle}
          onClick={() => {
            if (!running && !idle) void syncNow()
          }}
        >
          <Icon name="sync" />
          {words.sync.now}
        </button>
      </div>
      {running && (
        // Without a value it is one that cannot be told: nothing is known before the first answer.
        <progress className="molam-progress" aria-labelledby={titleId} max={progress?.total} value={progress?.sent} />
      )}
      {state.status !== 'created' && (
        <p className="molam-quiet">{last === undefined ? words.sync.never : words.sync.last(format(last))}</p>
      )}
      {error && <OfflineErrorNotice error={error} />}
    </section>
  )
}

function lineOf(run: SyncRun, state: OfflineState, { sync, banner }: Messages): string {
  const { unsynced } = state
  const left = leftText(unsynced, sync)
  switch (run.status) {
    case 'syncing':
      return run.progress ? sync.progress(run.progress.sent, run.progress.total) : sync.running
    case 'retry_later':
      return unsynced === 0 ? sync.retryLater : `${sync.retryLater} ${left}`
    case 'stopped':
    case 'failed':
      return `${sync.stopped} ${left}`
    case 'idle':
    case 'done':
      return state.status === 'created' ? banner.opening : left
  }
}

function leftText(unsynced: number | 'unknown', sync: Messages['sync']): string {
  if (unsynced === 'unknown') return sync.unsyncedUnknown
  return unsynced === 0 ? sync.done : sync.unsynced(unsynced)
}

/** No network is a normal day, not an error. */
function errorOf(run: SyncRun): OfflineError | undefined {
  if (run.status === 'failed') return run.error
  return run.status === 'stopped' ? run.report.error : undefined
}
