import { OfflineError } from '../../device/sdk/index.ts'
import { OfflineErrorNotice } from '../../ui/index.ts'
import type { Messages } from './words/messages.ts'

interface FailedProps {
  readonly words: Messages
  readonly error: unknown
  readonly onRetry: () => void
}

/** The device cannot be opened. Its payments are where they were: nothing here writes or clears anything. */
export function Failed({ words, error, onRetry }: FailedProps) {
  return (
    <main className="pos-alone">
      <h1>{words.enrol.failed}</h1>
      {error instanceof OfflineError ? (
        <OfflineErrorNotice error={error} />
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
