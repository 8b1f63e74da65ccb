import { type FormEvent, useState } from 'react'
import { asStorageFailure, type OfflineError, openExport } from '../../device/sdk/index.ts'
import { isDeviceId } from '../../protocol/ids.ts'
import { OfflineErrorNotice } from '../../ui/index.ts'
import { LanguageChoice } from './choices.tsx'
import type { Closed, Door } from './door.ts'
import { dropInvitation } from './invitation.ts'
import { Mark } from './mark.tsx'
import { bytesOf, FileFields } from './take-over.tsx'
import type { SharedMessages } from './words/messages.ts'

export function Opening({ text }: { readonly text: string }) {
  return (
    <main className="app-alone app-opening" aria-busy="true">
      <Mark />
      <p role="status">{text}</p>
    </main>
  )
}

interface EnrolProps {
  readonly words: SharedMessages
  readonly opened: Extract<Closed, { status: 'stranger' }>
  readonly door: Door
}

/** Id and one-time code by hand, for whoever has no link. */
export function Enrol({ words, opened, door }: EnrolProps) {
  const [deviceId, setDeviceId] = useState(opened.invitation?.deviceId ?? '')
  const [code, setCode] = useState(opened.invitation?.code ?? '')
  const [file, setFile] = useState<File>()
  const [passphrase, setPassphrase] = useState('')
  const [wrongFile, setWrongFile] = useState<string>()
  const ready = isDeviceId(plainOf(deviceId)) && plainOf(code) !== '' && (file === undefined || passphrase !== '')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready) return
    const invitation = { deviceId: plainOf(deviceId), code: plainOf(code) }
    if (file === undefined) return door.enrol(invitation)
    // Before the code is used up, and before a payment is taken that gets one of the file's numbers.
    const saved = { bytes: await bytesOf(file), passphrase }
    const content = await openExport(saved.bytes, passphrase)
    if (content === undefined) return setWrongFile(words.takeOver.unreadable)
    if (content.deviceId !== invitation.deviceId) return setWrongFile(words.takeOver.otherDevice(content.deviceId))
    await door.enrol(invitation, saved)
  }
  return (
    <main className="app-alone">
      <Mark />
      <h1>{words.enrol.title}</h1>
      <p>{words.enrol.what}</p>
      {opened.error && <Refused words={words} error={opened.error} />}
      <form className="app-form" onSubmit={(event) => void submit(event)}>
        <label className="app-field">
          <span>{words.enrol.deviceId}</span>
          <input value={deviceId} onChange={(event) => setDeviceId(event.target.value)} {...PLAIN} />
        </label>
        <label className="app-field">
          <span>{words.enrol.code}</span>
          <input value={code} onChange={(event) => setCode(event.target.value)} {...PLAIN} />
        </label>
        <details>
          <summary>{words.takeOver.title}</summary>
          <FileFields {...{ words, file, passphrase }} onFile={setFile} onPassphrase={setPassphrase} />
          {wrongFile && (
            <p className="app-wrong" role="alert">
              {wrongFile}
            </p>
          )}
        </details>
        <button type="submit" className="molam-button molam-primary" aria-disabled={!ready}>
          {words.enrol.do}
        </button>
      </form>
      <LanguageChoice words={words} />
    </main>
  )
}

/** There are no payments yet, so nothing is said about where they are. */
function Refused({ words, error }: { readonly words: SharedMessages; readonly error: OfflineError }) {
  const isNetwork = error.code === 'network_failed' || error.code === 'timed_out'
  if (!isNetwork && error.code !== 'enrolment_code_invalid') return <OfflineErrorNotice error={error} />
  return (
    <p className="app-wrong" role="alert">
      {isNetwork ? words.enrol.noNetwork : words.enrol.wrongCode}
    </p>
  )
}

/** As it was copied out of a message: without spaces around it, and without marks that nobody sees. */
const plainOf = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .trim()

/** Ids and codes are not words: no keyboard may correct them. */
export const PLAIN = { autoCapitalize: 'none', autoComplete: 'off', autoCorrect: 'off', spellCheck: false } as const

interface OtherDeviceProps {
  readonly words: SharedMessages
  readonly opened: Extract<Closed, { status: 'other' }>
  readonly door: Door
}

/** The link is for another device: only a person decides, and never while payments are on this phone alone. */
export function OtherDevice({ words, opened, door }: OtherDeviceProps) {
  const [unsynced, setUnsynced] = useState<number | 'unknown'>(0)
  const [failed, setFailed] = useState<OfflineError>()
  const stay = () => {
    dropInvitation()
    void door.open()
  }
  const change = async () => {
    setFailed(undefined)
    try {
      const result = await door.forget(opened.current)
      if (!result.forgotten) return setUnsynced(result.unsynced)
      void door.enrol(opened.invitation)
    } catch (error) {
      setFailed(asStorageFailure(error))
    }
  }
  return (
    <main className="app-alone">
      <Mark />
      <h1>{words.enrol.switch}</h1>
      <p>{words.enrol.other(opened.current, opened.invitation.deviceId)}</p>
      {unsynced !== 0 && <p role="alert">{words.device.leaveUnsynced(unsynced)}</p>}
      {failed && <p className="app-wrong">{words.device.leaveFailed}</p>}
      {failed && <OfflineErrorNotice error={failed} />}
      <button type="button" className="molam-button molam-primary" onClick={stay}>
        {words.enrol.stay}
      </button>
      <button type="button" className="molam-button" onClick={() => void change()}>
        {words.enrol.switch}
      </button>
    </main>
  )
}
