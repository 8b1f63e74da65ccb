import { Component, type ReactNode } from 'react'
import type { SharedMessages } from './words/messages.ts'

interface CrashProps {
  readonly words: SharedMessages
  readonly children: ReactNode
}

/**
 * What is shown instead of a page that cannot go on, because of a fault of its own. What was recorded is on disk, so it may
 * be opened again at once; whether a payment that was being taken is there, the day's list tells.
 */
export class Crash extends Component<CrashProps, { readonly crashed: boolean }> {
  override state = { crashed: false }

  static getDerivedStateFromError() {
    return { crashed: true }
  }

  override render() {
    const { words, children } = this.props
    if (!this.state.crashed) return children
    return (
      <main className="app-alone">
        <h1>{words.crash.title}</h1>
        <p role="alert">{words.crash.what}</p>
        <button type="button" className="molam-button molam-primary" onClick={() => location.reload()}>
          {words.crash.reopen}
        </button>
      </main>
    )
  }
}
