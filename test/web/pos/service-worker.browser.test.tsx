import { afterEach, expect, it, vi } from 'vitest'
import { page } from 'vitest/browser'
import { registerServiceWorker } from '../../../src/web/shared/service-worker.ts'
import { Till } from '../../ui/till.tsx'
import { openPage } from './page.tsx'

/** A registration as the browser hands it out; its worker is the test's. */
class Registration extends EventTarget {
  installing: EventTarget | null = new EventTarget()
  waiting: EventTarget | null = null
  active: EventTarget | null = null
  update = vi.fn(async () => undefined)
}

afterEach(() => vi.restoreAllMocks())

it('the device screen says whether the till opens without a network, and tries again when asked', async () => {
  const register = vi.spyOn(navigator.serviceWorker, 'register').mockRejectedValue(new TypeError('no network'))
  const timers = vi.spyOn(globalThis, 'setInterval')
  expect(await registerServiceWorker('/pos/')).toBe(undefined)
  await openPage(await Till.open({ autoSync: false }))
  await page.getByRole('link', { name: 'Caisse' }).click()
  await expect.element(page.getByText(/^Pas encore\s:/)).toBeVisible()

  const found = new Registration()
  const { installing } = found
  register.mockResolvedValue(found as unknown as ServiceWorkerRegistration)
  await page.getByRole('button', { name: 'Réessayer' }).click()
  await expect.poll(() => register.mock.calls.length).toBe(2)
  // It is being installed: a page that is half on the phone does not open.
  await expect.element(page.getByText(/^Pas encore\s:/)).toBeVisible()
  Object.assign(found, { installing: null, active: installing })
  installing?.dispatchEvent(new Event('statechange'))
  await expect.element(page.getByText(/^Oui\s:/)).toBeVisible()

  // A till on the counter, which nobody ever puts away: its timer looks for a new version.
  expect(found.update).not.toHaveBeenCalled()
  const hourly = timers.mock.calls.filter(([, everyMs]) => everyMs === 3_600_000).map(([run]) => run as () => void)
  expect(hourly).toHaveLength(1)
  hourly[0]?.()
  expect(found.update).toHaveBeenCalledOnce()
})
