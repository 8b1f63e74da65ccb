import { asStorageFailure, OfflineError } from '../../device/sdk/index.ts'
import { OfflineErrorNotice } from '../../ui/index.ts'
import type { SharedMessages } from './words/messages.ts'

interface FailedProps {
  readonly words: SharedMessages
  readonly error: unknown
  readonly onRetry: () => void
}

/** The device cannot be opened, and so nothing is known of its payments: nothing here writes or clears anything. */
export function Failed({ words, error, onRetry }: FailedProps) {
  const known = knownOf(error)
  return (
    <main className="app-alone">
      <h1>{words.enrol.failed}</h1>
      {known ? (
        <OfflineErrorNotice error={known} />
      ) : (
        <div role="alert">
          <p>{words.enrol.failedWhy}</p>
          {/* For whoever is asked for help: browsers say it in English. */}
          <p className="molam-code">
            <code>{String(error)}</code>
          </p>
        </div>
      )}
      <button type="button" className="molam-button molam-primary" onClick={onRetry}>
        {words.enrol.retry}
      </button>
    </main>
  )
}

/** What the browser's storage throws has its own names; what a browser lacks is a TypeError. */
function knownOf(error: unknown): OfflineError | undefined {
  if (error instanceof OfflineError) return error
  return error instanceof DOMException ? asStorageFailure(error) : undefined
}
