import { useState } from 'react'
import { OfflineError, readConsentRequest } from '../../../device/sdk/index.ts'
import { fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import { formatParty, OfflineErrorNotice } from '../../../ui/index.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { BackLink } from '../../shared/back-link.tsx'
import { KindScanner } from '../../shared/scan/kind-scanner.tsx'
import { Sure } from '../../shared/sure.tsx'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'

/** Lets another phone of the same wallet pay: which one is shown before anything is signed. Needs no network. */
export function Allow() {
  const { sdk, words } = useWallet()
  const { allow } = words
  const [scanning, setScanning] = useState(false)
  const [request, setRequest] = useState<Uint8Array>()
  const [word, setWord] = useState<Uint8Array>()
  const [error, setError] = useState<OfflineError>()
  const asks = request && readConsentRequest(request)
  const start = () => {
    setRequest(undefined)
    setWord(undefined)
    setError(undefined)
    setScanning(true)
  }
  const give = async () => {
    if (request === undefined) return
    try {
      setWord(await sdk.consentTo(request))
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setError(cause)
    }
  }
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'phone' })} />
      <h2>{allow.title}</h2>
      <p>{allow.what}</p>
      {asks && word === undefined && (
        <section className="app-section">
          <h3>{allow.asks}</h3>
          <dl className="app-facts">
            <div>
              <dt>{allow.phone}</dt>
              <dd>{asks.deviceId}</dd>
            </div>
            <div>
              <dt>{allow.account}</dt>
              <dd>{formatParty(asks.wallet)}</dd>
            </div>
          </dl>
          <p>{allow.compare}</p>
          <Sure question={allow.do} onBack={() => setRequest(undefined)} onSure={() => void give()} />
        </section>
      )}
      {word && (
        <figure className="wallet-code">
          <QRSymbol part={toBase64url(word)} label={allow.answer} />
          <figcaption role="status">{allow.answer}</figcaption>
        </figure>
      )}
      {error?.code === 'consent_invalid' ? (
        <p className="app-wrong" role="alert">
          {allow.other}
        </p>
      ) : (
        error && <OfflineErrorNotice error={error} />
      )}
      {(asks === undefined || word !== undefined || error !== undefined) && (
        <button type="button" className="molam-button" onClick={start}>
          {allow.scan}
        </button>
      )}
      {scanning && (
        <KindScanner
          wanted="consent_request"
          title={allow.scan}
          hint={allow.scanHint}
          onValue={(text) => {
            setScanning(false)
            setRequest(fromBase64url(text.trim()))
          }}
          onClose={() => setScanning(false)}
        />
      )}
    </div>
  )
}
