import { useOffline, useSync } from '../../ui/index.ts'
import { useApp } from './app-context.tsx'

/** A till that never reached the edge has no rules to take payments by, and nothing to show yet. */
export function FirstContact() {
  const { first, enrol } = useApp().words
  const { status } = useOffline()
  const { run, syncNow } = useSync()
  const trying = run.status === 'syncing'
  // What else there is to say of a device that cannot be read, the banner says.
  const text = status === 'needs_network' ? (trying ? first.trying : first.needed) : undefined
  return (
    <div className="app-empty">
      <h2>{first.title}</h2>
      {text && <p role="status">{text}</p>}
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={trying}
        onClick={() => {
          if (!trying) void syncNow()
        }}
      >
        {enrol.retry}
      </button>
    </div>
  )
}
