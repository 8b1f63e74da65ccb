import { useRef, useState } from 'react'
import { type HeldAllowance, OfflineError, type Profile } from '../../../device/sdk/index.ts'
import { formatAmount, OfflineErrorNotice, useProfile, useSync } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { FirstContact } from '../../shared/first-contact.tsx'
import { Sure } from '../../shared/sure.tsx'
import { useMayPay } from '../home/use-may-pay.ts'
import { isPresent } from '../lock/presence.ts'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { AsideForm } from './aside-form.tsx'
import { HeldState } from './held-state.tsx'
import { useHeld } from './use-held.ts'

/** Money that the book holds for what this phone signs with no network: asked for, how it stands, and let go again. */
export function Aside() {
  const { aside } = useWallet().words
  const profile = useProfile()
  if (profile === undefined) return <FirstContact />
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'home' })} />
      <h2>{aside.title}</h2>
      <p>{aside.what}</p>
      <Held profile={profile} />
    </div>
  )
}

/** Where another one may be asked for. */
const ENDED: ReadonlySet<HeldAllowance['state'] | undefined> = new Set(['closed', 'expired', 'refused', undefined])
const WAITS: ReadonlySet<HeldAllowance['state']> = new Set(['requested', 'closing'])
const CLOSES: ReadonlySet<HeldAllowance['state']> = new Set(['open', 'over', 'close_unsent'])

type Wanted = { readonly what: 'open'; readonly amount: number } | { readonly what: 'close'; readonly amount: number }

function Held({ profile }: { readonly profile: Profile }) {
  const { sdk, words } = useWallet()
  const { aside, home } = words
  const mayPay = useMayPay()
  const { syncNow } = useSync()
  const { held, refresh } = useHeld()
  const [wanted, setWanted] = useState<Wanted>()
  const [sending, setSending] = useState<Wanted['what']>()
  const [error, setError] = useState<OfflineError>()
  // Outside of React's state, which a second press in the same frame would not see yet.
  const busy = useRef(false)
  const { currency, allowanceMax } = profile.policy
  const money = (minor: number) => formatAmount(minor, currency)
  if (held === 'reading') return null
  const send = async ({ what, amount }: Wanted) => {
    if (busy.current) return
    busy.current = true
    setWanted(undefined)
    setError(undefined)
    setSending(what)
    try {
      if (what === 'open') await sdk.requestAllowance({ amount, userPresence: isPresent })
      else await sdk.closeAllowance()
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setError(cause)
    } finally {
      await refresh()
      busy.current = false
      setSending(undefined)
    }
  }
  const ask = (next: Wanted) => {
    setError(undefined)
    setWanted(next)
  }
  const left = held === undefined ? 0 : held.ceiling - held.used
  return (
    <section className="app-section">
      {held && <HeldState held={held} currency={currency} />}
      {sending && <p role="status">{sending === 'open' ? aside.asking : aside.closing}</p>}
      {error && <Trouble error={error} />}
      {wanted && (
        <Sure
          question={
            wanted.what === 'open' ? aside.askSure(money(wanted.amount)) : aside.closeSure(money(wanted.amount))
          }
          onBack={() => setWanted(undefined)}
          onSure={() => void send(wanted)}
        />
      )}
      {!wanted && !sending && (
        <>
          {ENDED.has(held?.state) && mayPay && allowanceMax > 0 && (
            <AsideForm policy={profile.policy} onAsk={(amount) => ask({ what: 'open', amount })} />
          )}
          {ENDED.has(held?.state) && !mayPay && (
            <>
              <p>{aside.notAllowed}</p>
              <a className="molam-button" href={hrefOf({ screen: 'consent' })}>
                {home.allow}
              </a>
            </>
          )}
          {ENDED.has(held?.state) && mayPay && allowanceMax === 0 && <p className="app-note">{aside.notHere}</p>}
          {held?.state === 'unsent' && (
            <button
              type="button"
              className="molam-button molam-primary"
              onClick={() => ask({ what: 'open', amount: held.ceiling })}
            >
              {aside.again(money(held.ceiling))}
            </button>
          )}
          {held && (WAITS.has(held.state) || (held.state === 'open' && !held.isInPass)) && (
            <button type="button" className="molam-button" onClick={() => void syncNow()}>
              {aside.check}
            </button>
          )}
          {held && CLOSES.has(held.state) && (
            <button type="button" className="molam-button" onClick={() => ask({ what: 'close', amount: left })}>
              {aside.close}
            </button>
          )}
        </>
      )}
    </section>
  )
}

/** Nobody opened the lock, or nobody heard the order: neither is sent again but by a press. */
function Trouble({ error }: { readonly error: OfflineError }) {
  const { aside, confirm } = useWallet().words
  if (error.code !== 'not_confirmed' && error.code !== 'network_failed') return <OfflineErrorNotice error={error} />
  return (
    <p className="app-wrong" role="alert">
      {error.code === 'not_confirmed' ? confirm.unproven : aside.noNetwork}
    </p>
  )
}
