import { calendarDay } from '../../protocol/activity.ts'
import {
  formatAmount,
  OfflineSyncProgress,
  OfflineTransactionList,
  useAllowance,
  useOffline,
  usePayments,
} from '../../ui/index.ts'
import { useCarrying } from './carrying/use-carrying.ts'
import { Limits } from './limits.tsx'
import { go, hrefOf } from './route.ts'
import { useShop, useTill } from './till-context.tsx'
import { type Total, totalsOf } from './totals.ts'

/** The day: what is settled, what waits, each payment, what may still be taken, and how the sync stands. */
export function Today() {
  const { today } = useTill().words
  const { unsynced } = useOffline()
  const payments = usePayments()
  const allowance = useAllowance()
  const shop = useShop()
  if (allowance === undefined || shop === undefined) return null
  const { timeZone, currency } = shop.policy
  const ofToday = payments.filter(({ initiatedAtMs }) => calendarDay(initiatedAtMs, timeZone) === allowance.day)
  const earlier = payments.filter(({ initiatedAtMs }) => calendarDay(initiatedAtMs, timeZone) !== allowance.day)
  const { settled, waiting, notPaid } = totalsOf(ofToday)
  return (
    <div className="pos-today">
      <h2>{today.title}</h2>
      <dl className="pos-totals">
        <Figure name="settled" label={today.settled} total={settled} currency={currency} />
        <Figure name="waiting" label={today.waiting} total={waiting} currency={currency} />
        {notPaid.count > 0 && <Figure name="not-paid" label={today.notPaid} total={notPaid} currency={currency} />}
      </dl>
      <OfflineTransactionList payments={ofToday} onSelect={({ localId }) => go({ screen: 'receipt', localId })} />
      <OfflineSyncProgress />
      {unsynced > 0 && (
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
            title={today.earlier}
            payments={earlier}
            onSelect={({ localId }) => go({ screen: 'receipt', localId })}
          />
        </details>
      )}
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
