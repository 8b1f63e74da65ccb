import type { ReactNode } from 'react'
import { render } from 'vitest-browser-react'
import type { OfflineSDK } from '../../src/device/sdk/index.ts'
import type { OfflineSDKOptions } from '../../src/device/sdk/options.ts'
import { type Locale, OfflinePaymentProvider } from '../../src/ui/index.ts'
import '../../src/ui/style.css'
import { Rig } from '../device/sdk/rig.ts'

/** A real device on its storage and edge, components on it, and timers that fire when the test says so. */
export class Till {
  readonly rig: Rig
  readonly sdk: OfflineSDK
  /** Those of the components; the device has its own. */
  readonly timers = new Rig().timers

  constructor(rig: Rig, sdk: OfflineSDK) {
    this.rig = rig
    this.sdk = sdk
  }

  static async open(over: Partial<OfflineSDKOptions> = {}): Promise<Till> {
    const rig = await Rig.create()
    return new Till(rig, await rig.started(over))
  }

  async show(children: ReactNode, locale: Locale = 'fr') {
    const screen = await render(this.page(children, locale))
    return { ...screen, text: () => screen.container.textContent ?? '' }
  }

  page(children: ReactNode, locale: Locale = 'fr') {
    return (
      <OfflinePaymentProvider sdk={this.sdk} locale={locale} timers={this.timers}>
        {children}
      </OfflinePaymentProvider>
    )
  }

  /** What the ledger, or a reviewer, has decided; the device hears of it on its next sync. */
  decide(counter: number, status: 'succeeded' | 'failed' | 'reversed', reason?: 'insufficient_funds'): void {
    this.rig.edge.outcomes.push({ counter, status, atMs: this.rig.timeMs, ...(reason && { reason }) })
  }
}
