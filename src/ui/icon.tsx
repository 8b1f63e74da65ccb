import type { EntryStatus } from '../device/sdk/index.ts'

export type IconName =
  | EntryStatus
  | 'online'
  | 'offline'
  | 'blocked'
  | 'warning'
  | 'sync'
  | 'close'
  | 'previous'
  | 'next'

const RING = 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z'

/** A silhouette each, told apart without colour; only that of a settled payment is a filled disc. */
const PATHS: Readonly<Record<IconName, string>> = {
  // An hourglass: on this device only.
  pending_offline: 'M6 3h12M6 21h12M7 3v3.5c0 2.5 5 4 5 5.5s-5 3-5 5.5V21M17 3v3.5c0 2.5-5 4-5 5.5s5 3 5 5.5V21',
  // A clock: the server has it.
  pending: `${RING}M12 7.5V12l3 2`,
  succeeded: 'm7.5 12.5 3 3 6-7',
  failed: `${RING}m-3.5 5.5 7 7m0-7-7 7`,
  refused: `${RING}M6 6l12 12`,
  review: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 21 21',
  quarantined: 'M12 3 4.5 6v5.5c0 4.5 3 7.8 7.5 9.5 4.5-1.7 7.5-5 7.5-9.5V6L12 3ZM10 9v6M14 9v6',
  // A speech bubble: somebody is asked.
  claimed: 'M4 5h16v11H11l-4 4v-4H4ZM8.5 10.5h.01M12 10.5h.01M15.5 10.5h.01',
  reversed: 'M8 5 4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11H9',
  voided: 'M5 7h14M9.5 7V4h5v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  online: 'M3.5 9.5a12.5 12.5 0 0 1 17 0M6.5 13a8 8 0 0 1 11 0M9.5 16.3a4 4 0 0 1 5 0M12 19.5h.01',
  offline: 'M3.5 9.5a12.5 12.5 0 0 1 5-3M13 6a12.5 12.5 0 0 1 7.5 3.5M9.5 16.3a4 4 0 0 1 5 0M12 19.5h.01M4 4l16 16',
  blocked: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3M12 14.5v2',
  warning: 'M12 4 2.5 20h19L12 4ZM12 10v5M12 17.5h.01',
  sync: 'M20 7v4h-4M4 17v-4h4M19.5 11A8 8 0 0 0 6 7.5L4.5 9M4.5 13A8 8 0 0 0 18 16.5l1.5-1.5',
  close: 'M6 6l12 12M18 6 6 18',
  previous: 'm15 5-7 7 7 7',
  next: 'm9 5 7 7-7 7',
}

/** Beside words that say the same: hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }) {
  const settled = name === 'succeeded'
  return (
    <svg className={`molam-icon molam-icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {settled && <path className="molam-icon-disc" d={RING} />}
      <path className="molam-icon-line" d={PATHS[name]} />
    </svg>
  )
}
