import { useState } from 'react'
import { type MandateTerms, OfflineError, type Profile } from '../../../device/sdk/index.ts'
import { formatAmount, OfflineErrorNotice, Time, useProfile } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { FirstContact } from '../../shared/first-contact.tsx'
import { Sure } from '../../shared/sure.tsx'
import { useMayPay } from '../home/use-may-pay.ts'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { type Given, lastGiven, rememberGiven } from './given.ts'
import { MandateForm } from './mandate-form.tsx'
import { MandatedList } from './mandated-list.tsx'

/** The holder's standing word for small payments: on or off, how much, until when, and what was paid by it. */
export function Mandate() {
  const { words } = useWallet()
  const { mandate } = words
  const profile = useProfile()
  if (profile === undefined) return <FirstContact />
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'home' })} />
      <h2>{mandate.title}</h2>
      <p>{mandate.what}</p>
      <Word profile={profile} />
      <MandatedList />
    </div>
  )
}

type Outcome = 'given' | 'ended' | OfflineError

/** Gives the word or takes it back; each asks once more. */
function Word({ profile }: { readonly profile: Profile }) {
  const { sdk, deviceId, words } = useWallet()
  const { mandate, home } = words
  const mayPay = useMayPay()
  const [given, setGiven] = useState(() => lastGiven(deviceId))
  const [wanted, setWanted] = useState<MandateTerms>()
  const [sending, setSending] = useState(false)
  const [outcome, setOutcome] = useState<Outcome>()
  const { currency, mandatePaymentMax, mandateDayMax } = profile.policy
  const money = (minor: number) => formatAmount(minor, currency)
  if (mandatePaymentMax === 0 || mandateDayMax === 0) return <p className="app-note">{mandate.notHere}</p>
  if (!mayPay) {
    return (
      <section className="app-section">
        <p>{mandate.notAllowed}</p>
        <a className="molam-button" href={hrefOf({ screen: 'consent' })}>
          {home.allow}
        </a>
      </section>
    )
  }
  const send = async (terms: MandateTerms) => {
    setWanted(undefined)
    setSending(true)
    try {
      await sdk.mandate(terms)
      const now: Given = { ...terms, atMs: sdk.nowMs }
      rememberGiven(deviceId, now)
      setGiven(now)
      setOutcome(terms.dayMax === 0 ? 'ended' : 'given')
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setOutcome(cause)
    } finally {
      setSending(false)
    }
  }
  const ask = (terms: MandateTerms) => {
    setOutcome(undefined)
    setWanted(terms)
  }
  return (
    <section className="app-section">
      <h3>{mandate.word}</h3>
      {given && <LastGiven given={given} money={money} nowMs={sdk.nowMs} />}
      <p role="status">
        {sending ? mandate.sending : outcome === 'given' || outcome === 'ended' ? mandate.said[outcome] : undefined}
      </p>
      {outcome instanceof OfflineError && <OfflineErrorNotice error={outcome} />}
      {wanted ? (
        <Sure
          question={
            wanted.dayMax === 0 ? mandate.endSure : mandate.giveSure(money(wanted.paymentMax), money(wanted.dayMax))
          }
          onBack={() => setWanted(undefined)}
          onSure={() => void send(wanted)}
        />
      ) : (
        !sending && <MandateForm policy={profile.policy} nowMs={sdk.nowMs} onAsk={ask} />
      )}
    </section>
  )
}

interface LastGivenProps {
  readonly given: Given
  readonly money: (minor: number) => string
  readonly nowMs: number
}

function LastGiven({ given, money, nowMs }: LastGivenProps) {
  const { mandate } = useWallet().words
  if (given.dayMax === 0 || given.untilMs <= nowMs) return <p>{mandate.off}</p>
  return (
    <p>
      {mandate.on(money(given.paymentMax), money(given.dayMax))} <Time atMs={given.untilMs} form="year" />.{' '}
      <span className="app-note">{mandate.fromHere}</span>
    </p>
  )
}
