import { formatParty, Time, useProfile } from '../../ui/index.ts'
import { LanguageChoice, ThemeChoice } from '../shared/choices.tsx'
import { ExportUnsynced } from '../shared/export-unsynced.tsx'
import { KeepStorage } from '../shared/keep-storage.tsx'
import { LeaveDevice } from '../shared/leave.tsx'
import { OpensOffline } from '../shared/opens-offline.tsx'
import { TakeOver } from '../shared/take-over.tsx'
import { AliasSetting } from './alias-setting.tsx'
import { useTill } from './till-context.tsx'

/** This till: who it is, how it is shown, and what protects what is only on it. */
export function Device() {
  const { deviceId, words } = useTill()
  const shop = useProfile()
  return (
    <div className="app-stack">
      <h2>{words.device.title}</h2>
      <dl className="app-facts">
        <div>
          <dt>{words.device.id}</dt>
          <dd>{deviceId}</dd>
        </div>
        {shop && (
          <>
            <div>
              <dt>{words.device.shop}</dt>
              <dd>{formatParty(shop.ownerWallet)}</dd>
            </div>
            <div>
              <dt>{words.device.pays}</dt>
              <dd>
                {shop.paysUntilMs === undefined ? (
                  words.device.paysNot
                ) : (
                  <>
                    {words.device.paysUntil} <Time atMs={shop.paysUntilMs} form="year" />
                  </>
                )}
              </dd>
            </div>
          </>
        )}
      </dl>
      {shop && <AliasSetting shop={shop} />}
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
