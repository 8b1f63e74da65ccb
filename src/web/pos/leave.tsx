import { type FormEvent, useState } from 'react'
import { type ForgetResult, forgetDevice } from '../../device/browser/index.ts'
import { useOffline } from '../../ui/index.ts'
import { PASSPHRASE_CHARS_MIN } from './export-unsynced.tsx'
import { save } from './save-file.ts'
import { useTill } from './till-context.tsx'

/** Removes the till from this phone; payments that are on this phone alone go into a file first. */
export function LeaveTill() {
  const { device } = useTill().words
  const { unsynced } = useOffline()
  const [sure, setSure] = useState(false)
  const [kept, setKept] = useState<number | 'unknown'>(0)
  const [failed, setFailed] = useState(false)
  const blocking = unsynced === 0 ? kept : unsynced
  const leave = (result: ForgetResult | undefined) => {
    setFailed(result === undefined)
    if (result?.forgotten) location.replace('/pos/')
    else if (result) setKept(result.unsynced)
  }
  const press = async () => {
    if (unsynced !== 0) return
    if (!sure) return setSure(true)
    // It looks at the storage itself, under the lock: another tab may have taken a payment this moment.
    leave(await forgetDevice().catch(() => undefined))
  }
  return (
    <section className="pos-section">
      <h3>{device.leave}</h3>
      <p>{device.leaveWhat}</p>
      {blocking !== 0 && <p className="pos-wrong">{device.leaveUnsynced(blocking)}</p>}
      {failed && (
        <p className="pos-wrong" role="alert">
          {device.leaveFailed}
        </p>
      )}
      <button type="button" className="molam-button" aria-disabled={unsynced !== 0} onClick={() => void press()}>
        {sure ? device.leaveSure : device.leaveDo}
      </button>
      {blocking !== 0 && <LeaveWithFile onLeft={leave} />}
    </section>
  )
}

/** The browser does not tell whether a download is kept: the person says so, and until then no payment is taken. */
function LeaveWithFile({ onLeft }: { readonly onLeft: (result: ForgetResult) => void }) {
  const { deviceId, words } = useTill()
  const { device } = words
  const [passphrase, setPassphrase] = useState('')
  const [saved, setSaved] = useState<PromiseWithResolvers<void>>()
  const ready = passphrase.length >= PASSPHRASE_CHARS_MIN && saved === undefined
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready) return
    const answer = Promise.withResolvers<void>()
    const keep = (file: Uint8Array) => {
      save(file, `${deviceId}.molam`)
      setSaved(answer)
      return answer.promise
    }
    try {
      onLeft(await forgetDevice({ unsynced: { passphrase, keep } }))
    } catch (error) {
      if (error !== STAY) throw error
    } finally {
      setSaved(undefined)
    }
  }
  if (saved) {
    return (
      <div role="alert">
        <p>{device.leaveSaved}</p>
        <button type="button" className="molam-button" onClick={() => saved.resolve()}>
          {device.leaveSavedDo}
        </button>
        <button type="button" className="molam-button molam-primary" onClick={() => saved.reject(STAY)}>
          {device.leaveStay}
        </button>
      </div>
    )
  }
  return (
    <form className="pos-form" onSubmit={(event) => void submit(event)}>
      <label className="pos-field">
        <span>{device.passphrase}</span>
        <input
          type="password"
          autoComplete="new-password"
          value={passphrase}
          onChange={({ target }) => setPassphrase(target.value)}
        />
      </label>
      <button type="submit" className="molam-button" aria-disabled={!ready}>
        {device.leaveWithFile}
      </button>
    </form>
  )
}

const STAY = new Error('the person keeps the till')
