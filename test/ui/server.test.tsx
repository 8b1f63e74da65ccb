import { renderToString } from 'react-dom/server'
import { expect, it } from 'vitest'
import { generateOfflineQR } from '../../src/device/qr/index.ts'
import {
  type Locale,
  MESSAGES,
  OfflinePaymentButton,
  OfflinePaymentProvider,
  OfflineQRDisplay,
  OfflineStatusBanner,
  OfflineSyncProgress,
  OfflineTransactionList,
} from '../../src/ui/index.ts'
import { LOCALES } from '../../src/ui/words/messages.ts'
import { Rig, terms } from '../device/sdk/rig.ts'

const bundle = new Uint8Array(3_000)
const components = {
  OfflineStatusBanner: <OfflineStatusBanner />,
  OfflinePaymentButton: <OfflinePaymentButton terms={terms()} />,
  OfflineTransactionList: <OfflineTransactionList />,
  OfflineSyncProgress: <OfflineSyncProgress />,
  OfflineQRDisplay: <OfflineQRDisplay qr={generateOfflineQR(bundle)} />,
}

it.each(Object.entries(components))(
  '%s is rendered on a server, without window and without a device',
  (_name, node) => {
    expect(globalThis).not.toHaveProperty('window')
    for (const locale of LOCALES) {
      const html = renderToString(
        <OfflinePaymentProvider sdk={undefined} locale={locale satisfies Locale}>
          {node}
        </OfflinePaymentProvider>,
      )
      expect(html).toContain(`lang="${locale}"`)
    }
  },
)

it('before the device is read, nothing is said of its payments', () => {
  for (const locale of LOCALES) {
    const html = renderToString(
      <OfflinePaymentProvider sdk={undefined} locale={locale}>
        {Object.values(components)}
      </OfflinePaymentProvider>,
    )
    const { sync, list, banner } = MESSAGES[locale]
    expect(html).toContain(banner.opening)
    for (const claim of [sync.done, sync.never, list.empty]) expect(html).not.toContain(claim)
  }
})

it('a server renders nothing of a device, even where it holds one', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  const page = (device: typeof sdk | undefined) =>
    renderToString(<OfflinePaymentProvider sdk={device}>{Object.values(components)[2]}</OfflinePaymentProvider>)
  expect(page(sdk)).toBe(page(undefined))
})

it('components outside of a provider say what is missing', () => {
  expect(() => renderToString(<OfflineStatusBanner />)).toThrow('<OfflinePaymentProvider>')
})
