import type { OfflinePayment } from '../../device/sdk/index.ts'
import { calendarDay } from '../../protocol/activity.ts'
import { useTimeZone } from '../../ui/hooks.ts'
import { formatAmount, OfflineSyncProgress, OfflineTransactionList, useOffline, usePayments } from '../../ui/index.ts'
import { useStanding } from '../shared/pad/use-standing.ts'
import { useCarrying } from './carrying/use-carrying.ts'
import { Limits } from './limits.tsx'
import { go, hrefOf } from './route.ts'
import { useTill } from './till-context.tsx'
import { type Total, totalsOf } from './totals.ts'

/** The day: what is settled, what waits, each payment, what may still be taken, and how the sync stands. */
export function Today() {
  const { today } = useTill().words
  const { unsynced } = useOffline()
  const payments = usePayments()
  const standing = useStanding()
  const zone = useTimeZone()
  if (standing === undefined) return <NothingYet />
  const { day, currency } = standing.allowance
  const isOfToday = ({ initiatedAtMs }: OfflinePayment) => calendarDay(initiatedAtMs, zone) === day
  const ofToday = payments.filter(isOfToday)
  const earlier = payments.filter((payment) => !isOfToday(payment))
  const { settled, notPaid } = totalsOf(ofToday)
  // Of every day: what was taken yesterday and is not settled is owed all the same.
  const { waiting } = totalsOf(payments)
  const waitsLonger = totalsOf(earlier).waiting.count
  return (
    <div className="app-stack">
      <h2>{today.title}</h2>
      <dl className="pos-totals">
        <Figure name="settled" label={today.settled} total={settled} currency={currency} />
        <Figure name="waiting" label={today.waiting} total={waiting} currency={currency} />
        {notPaid.count > 0 && <Figure name="not-paid" label={today.notPaid} total={notPaid} currency={currency} />}
      </dl>
      {waitsLonger > 0 && <p className="app-note">{today.waitsLonger(waitsLonger)}</p>}
      <OfflineTransactionList payments={ofToday} onSelect={({ localId }) => go({ screen: 'receipt', localId })} />
      <OfflineSyncProgress />
      {unsynced !== 0 && (
        <a className="molam-button" href={hrefOf({ screen: 'carry' })}>
          {today.carry}
        </a>
      )}
      <CarryForOthers />
      <Limits />
      {earlier.length > 0 && (
        <details className="pos-earlier">
          <summary>
            {today.earlier} ({earlier.length})
          </summary>
          <OfflineTransactionList
            payments={earlier}
            title={today.earlier}
            onSelect={({ localId }) => go({ screen: 'receipt', localId })}
          />
        </details>
      )}
    </div>
  )
}

/** Without a policy there is no day, and nothing was taken; other tills' payments can be carried all the same. */
function NothingYet() {
  const { today, first } = useTill().words
  return (
    <div className="app-stack">
      <h2>{today.title}</h2>
      <p className="app-note">{first.notYet}</p>
      <OfflineSyncProgress />
      <CarryForOthers />
    </div>
  )
}

/** Not this till's money, so it stands apart from its payments; it says when something still waits. */
function CarryForOthers() {
  const { carried: words } = useTill().words
  const waiting = useCarrying().carried.filter(({ state }) => state.status === 'waiting').length
  return (
    <a className="molam-button" href={hrefOf({ screen: 'carried' })}>
      {waiting === 0 ? words.title : words.waiting(waiting)}
    </a>
  )
}

interface FigureProps {
  readonly name: 'settled' | 'waiting' | 'not-paid'
  readonly label: string
  readonly total: Total
  readonly currency: string
}

function Figure({ name, label, total: { value, count }, currency }: FigureProps) {
  return (
    <div className="pos-total" data-total={name} data-empty={count === 0 || undefined}>
      <dt>
        {label} <span>× {count}</span>
      </dt>
      <dd>{formatAmount(value, currency)}</dd>
    </div>
  )
}
