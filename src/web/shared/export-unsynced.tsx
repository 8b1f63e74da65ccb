import { type FormEvent, useState } from 'react'
import { OfflineError } from '../../device/sdk/index.ts'
import { OfflineErrorNotice, useOffline } from '../../ui/index.ts'
import { useApp } from './app-context.tsx'
import { save } from './save-file.ts'

/** A passphrase that a stolen file withstands for a while; the key is stretched besides. */
export const PASSPHRASE_CHARS_MIN = 12

/** What is on this till alone, as an encrypted file for the support. Changes nothing. */
export function ExportUnsynced() {
  const { sdk, deviceId, words } = useApp()
  const { unsynced, damaged } = useOffline()
  const [passphrase, setPassphrase] = useState('')
  const [error, setError] = useState<OfflineError>()
  if (unsynced === 0 && damaged.length === 0) return null
  const ready = passphrase.length >= PASSPHRASE_CHARS_MIN
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready) return
    try {
      save(await sdk.exportUnsynced(passphrase), `${deviceId}.molam`)
      setPassphrase('')
      setError(undefined)
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setError(cause)
    }
  }
  return (
    <section className="app-section">
      <h3>{words.device.export}</h3>
      <p>{words.device.exportWhat}</p>
      <form className="app-form" onSubmit={(event) => void submit(event)}>
        <label className="app-field">
          <span>{words.secret.label}</span>
          <input
            type="password"
            autoComplete="new-password"
            value={passphrase}
            onChange={(event) => setPassphrase(event.target.value)}
          />
        </label>
        <p className="app-note">{words.secret.hint}</p>
        {error && <OfflineErrorNotice error={error} />}
        <button type="submit" className="molam-button" aria-disabled={!ready}>
          {words.device.exportDo}
        </button>
      </form>
    </section>
  )
}
