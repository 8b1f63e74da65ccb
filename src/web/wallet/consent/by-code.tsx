import { type FormEvent, useRef, useState } from 'react'
import { type AskedConsentCode, type ConsentCodeResult, OfflineError } from '../../../device/sdk/index.ts'
import { OfflineErrorNotice, Time } from '../../../ui/index.ts'
import { useWallet } from '../wallet-context.tsx'

const CODE_DIGITS = 8
/** How far a request is; nothing was asked for at first. */
type Came = { readonly asked?: AskedConsentCode; readonly result?: ConsentCodeResult; readonly error?: OfflineError }

/** A code goes to the telephone number of the wallet, and whoever has that telephone enters it here. */
export function ByCode() {
  const { sdk, words } = useWallet()
  const { consent } = words
  const [came, setCame] = useState<Came>({})
  const [digits, setDigits] = useState('')
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const run = async (call: () => Promise<Came>) => {
    if (busy) return
    setBusy(true)
    try {
      setCame(await call())
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      setCame(({ asked }) => ({ ...(asked && { asked }), error }))
    } finally {
      setBusy(false)
    }
  }
  const ask = () => run(async () => ({ asked: await sdk.askConsentCode() }))
  const { asked, result, error } = came
  const isOnItsWay = asked?.state === 'waiting' || asked?.state === 'sent'
  const isOpen = asked !== undefined && isOnItsWay && result?.state !== 'over'
  const ready = digits.replaceAll(/\D/g, '').length === CODE_DIGITS && !busy
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!ready || asked === undefined) return
    void run(async () => ({ asked, result: await sdk.answerConsentCode(asked.no, digits) }))
  }
  return (
    <section className="app-section">
      <h3>{consent.byCode}</h3>
      <p>{consent.byCodeWhat}</p>
      {asked && !isOnItsWay && <p className="app-wrong">{consent.states[asked.state]}</p>}
      {isOpen && (
        <form className="app-form" onSubmit={submit}>
          <p role="status">
            {consent.sent} <Time atMs={asked.untilMs} form="time" />
          </p>
          <label className="app-field">
            <span>{consent.code}</span>
            <input
              ref={field}
              className="wallet-digits"
              inputMode="numeric"
              autoComplete="one-time-code"
              value={digits}
              maxLength={CODE_DIGITS + 3}
              aria-invalid={result?.state === 'wrong'}
              onChange={({ target }) => setDigits(target.value)}
            />
          </label>
          {result && result.state !== 'accepted' && (
            <p className="app-wrong" role="alert">
              {result.state === 'wrong' ? consent.wrong(result.triesLeft) : consent.states[result.state]}
            </p>
          )}
          <button type="submit" className="molam-button molam-primary" aria-disabled={!ready} aria-busy={busy}>
            {busy ? consent.checking : consent.enter}
          </button>
        </form>
      )}
      {result?.state === 'over' && (
        <p className="app-wrong" role="alert">
          {consent.states.over}
        </p>
      )}
      {error && <Why error={error} />}
      <button
        type="button"
        className={isOpen ? 'molam-button' : 'molam-button molam-primary'}
        aria-disabled={busy}
        onClick={() => void ask()}
      >
        {isOpen ? consent.askAgain : consent.ask}
      </button>
    </section>
  )
}

/** What people can do something about, in words; anything else as the SDK says it. */
function Why({ error }: { readonly error: OfflineError }) {
  const { consent } = useWallet().words
  const known = error.code === 'network_failed' || error.code === 'timed_out' || error.code === 'rate_limited'
  if (!known) return <OfflineErrorNotice error={error} />
  return (
    <p className="app-wrong" role="alert">
      {error.code === 'rate_limited' ? consent.states.too_many : consent.noNetwork}
    </p>
  )
}
