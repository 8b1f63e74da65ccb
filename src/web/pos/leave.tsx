import { type FormEvent, useState } from 'react'
import { type ForgetResult, forgetDevice } from '../../device/browser/index.ts'
import { asStorageFailure, type OfflineError } from '../../device/sdk/index.ts'
import { OfflineErrorNotice, useOffline } from '../../ui/index.ts'
import { PASSPHRASE_CHARS_MIN } from './export-unsynced.tsx'
import { whileLeaving } from './leaving.ts'
import { save } from './save-file.ts'
import { useTill } from './till-context.tsx'
import { forgetSeen } from './unseen/seen.ts'

/** Removes the till from this phone; payments that are on this phone alone go into a file first. */
export function LeaveTill() {
  const { deviceId, words } = useTill()
  const { device } = words
  const { unsynced } = useOffline()
  const [sure, setSure] = useState(false)
  const [kept, setKept] = useState<number | 'unknown'>(0)
  const [failed, setFailed] = useState<OfflineError>()
  const blocking = unsynced === 0 ? kept : unsynced
  const leave = async (forget: () => Promise<ForgetResult>) => {
    setFailed(undefined)
    try {
      const result = await whileLeaving(forget)
      if (!result.forgotten) return setKept(result.unsynced)
      forgetSeen(deviceId)
      location.replace('/pos/')
    } catch (error) {
      if (error !== STAY) setFailed(asStorageFailure(error))
    }
  }
  const press = async () => {
    if (unsynced !== 0) return
    if (!sure) return setSure(true)
    // It looks at the storage itself, under the lock: another tab may have taken a payment this moment.
    await leave(forgetDevice)
  }
  return (
    <section className="pos-section">
      <h3>{device.leave}</h3>
      <p>{device.leaveWhat}</p>
      {blocking !== 0 && <p className="pos-wrong">{device.leaveUnsynced(blocking)}</p>}
      {failed && <p className="pos-wrong">{device.leaveFailed}</p>}
      {failed && <OfflineErrorNotice error={failed} />}
      <button type="button" className="molam-button" aria-disabled={unsynced !== 0} onClick={() => void press()}>
        {sure ? device.leaveSure : device.leaveDo}
      </button>
      {blocking !== 0 && <LeaveWithFile leave={leave} />}
    </section>
  )
}

interface LeaveWithFileProps {
  readonly leave: (forget: () => Promise<ForgetResult>) => Promise<void>
}

interface Answer {
  readonly keep: () => void
  readonly stay: () => void
}

/** The browser does not tell whether a download is kept: the person says so, and until then no payment is taken. */
function LeaveWithFile({ leave }: LeaveWithFileProps) {
  const { deviceId, words } = useTill()
  const { device } = words
  const [passphrase, setPassphrase] = useState('')
  const [saved, setSaved] = useState<Answer>()
  const ready = passphrase.length >= PASSPHRASE_CHARS_MIN && saved === undefined
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready) return
    const keep = (file: Uint8Array) =>
      new Promise<void>((resolve, reject) => {
        save(file, `${deviceId}.molam`)
        setSaved({ keep: resolve, stay: () => reject(STAY) })
      })
    await leave(() => forgetDevice({ unsynced: { passphrase, keep } }))
    setSaved(undefined)
  }
  if (saved) {
    return (
      <div role="alert">
        <p>{device.leaveSaved}</p>
        <button type="button" className="molam-button" onClick={() => saved.keep()}>
          {device.leaveSavedDo}
        </button>
        <button type="button" className="molam-button molam-primary" onClick={() => saved.stay()}>
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
