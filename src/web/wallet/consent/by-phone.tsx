import { useState } from 'react'
import { OfflineError } from '../../../device/sdk/index.ts'
import { fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import { OfflineErrorNotice } from '../../../ui/index.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { KindScanner } from '../../shared/scan/kind-scanner.tsx'
import { useWallet } from '../wallet-context.tsx'

/** Another phone of the wallet scans this phone's request and shows its word, which this phone brings to the edge. */
export function ByPhone() {
  const { sdk, words } = useWallet()
  const { consent } = words
  const [request, setRequest] = useState<Uint8Array>()
  const [scanning, setScanning] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<OfflineError>()
  const attempt = async (call: () => Promise<void>) => {
    if (busy) return
    setBusy(true)
    setError(undefined)
    try {
      await call()
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setError(cause)
    } finally {
      setBusy(false)
    }
  }
  const bring = (text: string) => {
    setScanning(false)
    void attempt(() => sdk.useConsent(fromBase64url(text.trim())))
  }
  return (
    <section className="app-section">
      <h3>{consent.byPhone}</h3>
      <p>{consent.byPhoneWhat}</p>
      {request === undefined ? (
        <button
          type="button"
          className="molam-button"
          onClick={() => void attempt(async () => setRequest(await sdk.consentRequest()))}
        >
          {consent.show}
        </button>
      ) : (
        <>
          <figure className="wallet-code">
            <QRSymbol part={toBase64url(request)} label={consent.show} />
            <figcaption>{consent.shown}</figcaption>
          </figure>
          <button type="button" className="molam-button" aria-disabled={busy} onClick={() => setScanning(true)}>
            {busy ? consent.checking : consent.scan}
          </button>
        </>
      )}
      {error?.code === 'consent_invalid' ? (
        <p className="app-wrong" role="alert">
          {consent.notOurs}
        </p>
      ) : (
        error && <OfflineErrorNotice error={error} />
      )}
      {scanning && (
        <KindScanner
          wanted="consent_word"
          title={consent.scan}
          hint={consent.scanHint}
          onValue={bring}
          onClose={() => setScanning(false)}
        />
      )}
    </section>
  )
}
