import { formatParty, Time, useProfile } from '../../ui/index.ts'
import { LanguageChoice, ThemeChoice } from '../shared/choices.tsx'
import { ExportUnsynced } from '../shared/export-unsynced.tsx'
import { KeepStorage } from '../shared/keep-storage.tsx'
import { LeaveDevice } from '../shared/leave.tsx'
import { OpensOffline } from '../shared/opens-offline.tsx'
import { TakeOver } from '../shared/take-over.tsx'
import { useMayPay } from './home/use-may-pay.ts'
import { LockChoice } from './lock/lock-choice.tsx'
import { hrefOf } from './route.ts'
import { useWallet } from './wallet-context.tsx'

/** This phone: what it may, how it is shown, and what protects what is only on it. */
export function Phone() {
  const { deviceId, words } = useWallet()
  const { phone } = words
  const profile = useProfile()
  const mayPay = useMayPay()
  return (
    <div className="app-stack">
      <h2>{phone.title}</h2>
      <dl className="app-facts">
        <div>
          <dt>{phone.id}</dt>
          <dd>{deviceId}</dd>
        </div>
        {profile && (
          <>
            <div>
              <dt>{phone.account}</dt>
              <dd>{formatParty(profile.ownerWallet)}</dd>
            </div>
            <div>
              <dt>{phone.pays}</dt>
              <dd>
                {mayPay && profile.paysUntilMs !== undefined ? (
                  <>
                    {phone.paysUntil} <Time atMs={profile.paysUntilMs} form="year" />
                  </>
                ) : (
                  phone.paysNot
                )}
              </dd>
            </div>
          </>
        )}
      </dl>
      <a className="molam-button" href={hrefOf({ screen: mayPay ? 'allow' : 'consent' })}>
        {mayPay ? phone.allow : phone.consent}
      </a>
      <a className="molam-button" href={hrefOf({ screen: 'lost' })}>
        {words.lost.title}
      </a>
      <LockChoice />
      <LanguageChoice words={words} />
      <ThemeChoice words={words} />
      <OpensOffline />
      <KeepStorage />
      <ExportUnsynced />
      <TakeOver />
      <LeaveDevice />
    </div>
  )
}
