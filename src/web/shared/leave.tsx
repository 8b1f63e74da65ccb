import { type FormEvent, useState } from 'react'
import type { ForgetOptions, ForgetResult } from '../../device/browser/index.ts'
import { asStorageFailure, type OfflineError } from '../../device/sdk/index.ts'
import { OfflineErrorNotice, useOffline } from '../../ui/index.ts'
import { useApp } from './app-context.tsx'
import { PASSPHRASE_CHARS_MIN } from './export-unsynced.tsx'
import { save } from './save-file.ts'

/** Removes the device from this phone; payments that are on this phone alone go into a file first. */
export function LeaveDevice() {
  const { deviceId, door, words } = useApp()
  const { device } = words
  const { unsynced } = useOffline()
  const [sure, setSure] = useState(false)
  const [kept, setKept] = useState<number | 'unknown'>(0)
  const [failed, setFailed] = useState<OfflineError>()
  const blocking = unsynced === 0 ? kept : unsynced
  const leave = async (options?: Handing) => {
    setFailed(undefined)
    try {
      const result: ForgetResult = await door.forget(deviceId, options)
      if (!result.forgotten) return setKept(result.unsynced)
      location.replace(door.base)
    } catch (error) {
      if (error !== STAY) setFailed(asStorageFailure(error))
    }
  }
  const press = async () => {
    if (unsynced !== 0) return
    if (!sure) return setSure(true)
    // It looks at the storage itself, under the lock: another tab may have taken a payment this moment.
    await leave()
  }
  return (
    <section className="app-section">
      <h3>{device.leave}</h3>
      <p>{device.leaveWhat}</p>
      {blocking !== 0 && <p className="app-wrong">{device.leaveUnsynced(blocking)}</p>}
      {failed && <p className="app-wrong">{device.leaveFailed}</p>}
      {failed && <OfflineErrorNotice error={failed} />}
      <button type="button" className="molam-button" aria-disabled={unsynced !== 0} onClick={() => void press()}>
        {sure ? device.leaveSure : device.leaveDo}
      </button>
      {blocking !== 0 && <LeaveWithFile leave={leave} />}
    </section>
  )
}

type Handing = Pick<ForgetOptions, 'unsynced'>

interface LeaveWithFileProps {
  readonly leave: (options: Handing) => Promise<void>
}

interface Answer {
  readonly keep: () => void
  readonly stay: () => void
}

/** The browser does not tell whether a download is kept: the person says so, and until then no payment is taken. */
function LeaveWithFile({ leave }: LeaveWithFileProps) {
  const { deviceId, words } = useApp()
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
    await leave({ unsynced: { passphrase, keep } })
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
    <form className="app-form" onSubmit={(event) => void submit(event)}>
      <label className="app-field">
        <span>{words.secret.label}</span>
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

const STAY = new Error('the person keeps the device')
