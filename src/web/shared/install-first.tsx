import { LanguageChoice } from './choices.tsx'
import type { Invitation } from './invitation.ts'
import { Mark } from './mark.tsx'
import type { SharedMessages } from './words/messages.ts'

/**
 * Whether this is a tab of an iPhone or iPad. An app that is installed from it starts with a storage of its own: it knows
 * nothing of the till that the tab is, nor of its payments. Only there is `navigator.standalone` known at all.
 */
export const isTabBesideApp = (): boolean => (navigator as { standalone?: boolean }).standalone === false

interface InstallFirstProps {
  readonly words: SharedMessages
  readonly invitation: Invitation | undefined
  /** The person wants the till in this tab all the same. */
  readonly onStay: () => void
}

/** Before the code is used up: the till is to be the app, and the app is to be enrolled. */
export function InstallFirst({ words, invitation, onStay }: InstallFirstProps) {
  const { install, enrol } = words
  return (
    <main className="app-alone">
      <Mark />
      <h1>{install.title}</h1>
      <p>{install.why}</p>
      <ol className="app-steps">
        {install.steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      {invitation && (
        <dl className="app-facts">
          <div>
            <dt>{enrol.deviceId}</dt>
            <dd>{invitation.deviceId}</dd>
          </div>
          <div>
            <dt>{enrol.code}</dt>
            <dd>{invitation.code}</dd>
          </div>
        </dl>
      )}
      <button type="button" className="molam-button" onClick={onStay}>
        {install.stay}
      </button>
      <p className="app-note">{install.stayWhy}</p>
      <LanguageChoice words={words} />
    </main>
  )
}
