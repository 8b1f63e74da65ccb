import { StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { expect, it, onTestFinished, vi } from 'vitest'
import { page } from 'vitest/browser'
import { generateOfflineQR } from '../../src/device/qr/index.ts'
import {
  OfflinePaymentButton,
  OfflinePaymentProvider,
  OfflineQRDisplay,
  OfflineStatusBanner,
  OfflineSyncProgress,
  OfflineTransactionList,
} from '../../src/ui/index.ts'
import { random } from '../device/sdk/edge.ts'
import { terms } from '../device/sdk/rig.ts'
import { Till } from './till.tsx'

it('what a server has rendered comes alive on the device without a mismatch, and shows what is on it', async () => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  onTestFinished(() => void errors.mockRestore())
  const till = await Till.open()
  await till.sdk.createOfflineTransaction(terms())
  const all = (
    <>
      <OfflineStatusBanner />
      <OfflinePaymentButton terms={terms()} />
      <OfflineTransactionList />
      <OfflineSyncProgress />
      <OfflineQRDisplay qr={generateOfflineQR(random(3_000))} />
    </>
  )
  const container = document.createElement('div')
  document.body.insertBefore(container, null)
  onTestFinished(() => void container.remove())
  // As a server does it: no device.
  container.innerHTML = renderToString(
    <StrictMode>
      <OfflinePaymentProvider sdk={undefined} timers={till.timers}>
        {all}
      </OfflinePaymentProvider>
    </StrictMode>,
  )
  expect(container.querySelector('[data-status=pending_offline]')).toBeNull()
  const recovered: unknown[] = []
  const root = hydrateRoot(container, <StrictMode>{till.page(all)}</StrictMode>, {
    onRecoverableError: (error) => recovered.push(error),
  })
  onTestFinished(() => root.unmount())
  await expect.element(page.getByRole('listitem').filter({ hasText: 'En attente d’envoi' })).toBeVisible()
  expect(recovered).toEqual([])
  expect(errors).not.toHaveBeenCalled()
})
