import { type FormEvent, useState } from 'react'
import { OfflineError, type RestoreResult } from '../../device/sdk/index.ts'
import { OfflineErrorNotice } from '../../ui/index.ts'
import { useApp } from './app-context.tsx'
import type { SharedMessages } from './words/messages.ts'

interface FileFieldsProps {
  readonly words: SharedMessages
  readonly file: File | undefined
  readonly passphrase: string
  readonly onFile: (file: File | undefined) => void
  readonly onPassphrase: (passphrase: string) => void
}

/** Asks for the file and its passphrase. */
export function FileFields({ words, file, passphrase, onFile, onPassphrase }: FileFieldsProps) {
  return (
    <>
      <label className="app-field">
        <span>{words.takeOver.file}</span>
        <input type="file" onChange={({ target }) => onFile(target.files?.[0])} />
      </label>
      {file && (
        <label className="app-field">
          <span>{words.secret.label}</span>
          <input
            type="password"
            autoComplete="off"
            value={passphrase}
            onChange={({ target }) => onPassphrase(target.value)}
          />
        </label>
      )}
    </>
  )
}

export const bytesOf = async (file: File): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer())

/** Puts the payments of a file back onto this till; may be done again with the same file. */
export function TakeOver() {
  const { sdk, words } = useApp()
  const [file, setFile] = useState<File>()
  const [passphrase, setPassphrase] = useState('')
  const [came, setCame] = useState<RestoreResult | OfflineError>()
  const ready = file !== undefined && passphrase !== ''
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready) return
    try {
      setCame(await sdk.restoreUnsynced(await bytesOf(file), passphrase))
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setCame(cause)
    }
  }
  return (
    <details className="app-section">
      <summary>{words.takeOver.title}</summary>
      <p>{words.takeOver.what}</p>
      <form className="app-form" onSubmit={(event) => void submit(event)}>
        <FileFields {...{ words, file, passphrase }} onFile={setFile} onPassphrase={setPassphrase} />
        {came instanceof OfflineError && <OfflineErrorNotice error={came} />}
        {came && !(came instanceof OfflineError) && <Result result={came} words={words} />}
        <button type="submit" className="molam-button" aria-disabled={!ready}>
          {words.takeOver.do}
        </button>
      </form>
    </details>
  )
}

function Result({ result, words: { takeOver } }: { readonly result: RestoreResult; readonly words: SharedMessages }) {
  switch (result.status) {
    case 'unreadable':
      return <p className="app-wrong">{takeOver.unreadable}</p>
    case 'other_device':
      return <p className="app-wrong">{takeOver.otherDevice(result.deviceId)}</p>
    case 'restored': {
      const left = result.numberUsed.length + result.damaged.length
      return (
        <div role="status">
          <p>{takeOver.taken(result.restored.length)}</p>
          {result.received.length > 0 && <p>{takeOver.received(result.received.length)}</p>}
          {left > 0 && <p className="app-wrong">{takeOver.left(left)}</p>}
        </div>
      )
    }
  }
}
