import axe from 'axe-core'
import { afterEach, describe, expect, it } from 'vitest'
import { cdp, page } from 'vitest/browser'
import { render } from 'vitest-browser-react'
import type { Locale } from '../../src/ui/index.ts'
import { exhibits, Gallery } from './gallery.tsx'

/** WCAG 2.2 AA, contrast of 4.5 included. */
const RULES = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] } as const
const TOUCH_TARGET_PX = 44

afterEach(() => {
  delete document.documentElement.dataset['theme']
})

async function open(locale: Locale, theme: 'light' | 'dark') {
  document.documentElement.dataset['theme'] = theme
  await page.viewport(1240, 3000)
  const { container, unmount } = await render(<Gallery shown={await exhibits()} locale={locale} />)
  const status = (name: string) => container.querySelector(`[data-exhibit="${name}"] [data-status]`)
  await expect.poll(() => status('settled')?.getAttribute('data-status')).toBe('succeeded')
  await expect.poll(() => status('taken')?.getAttribute('data-status')).toBe('pending_offline')
  await expect.poll(() => container.querySelector('[data-exhibit=sending] progress')?.getAttribute('value')).toBe('100')
  await expect.poll(() => container.querySelector('[data-exhibit=refused] [role=alert]')).not.toBeNull()
  return { container, unmount }
}

describe.each(['light', 'dark'] as const)('%s', (theme) => {
  it.each(['fr', 'en', 'wo'] as const)('every component in every state is accessible in %s', async (locale) => {
    const { container } = await open(locale, theme)
    const { violations, passes } = await axe.run(container, { runOnly: { ...RULES, values: [...RULES.values] } })
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
    expect(passes.find(({ id }) => id === 'color-contrast')?.nodes.length).toBeGreaterThan(50)
    for (const button of container.querySelectorAll('button')) {
      const { width, height } = button.getBoundingClientRect()
      expect(Math.min(width, height), button.outerHTML).toBeGreaterThanOrEqual(TOUCH_TARGET_PX)
    }
    await page.screenshot({ element: container, path: `../../test-results/ui/gallery-${locale}-${theme}.png` })
  })
})

it('nothing sticks out on a phone of 320 pixels in any language', async () => {
  for (const locale of ['fr', 'en', 'wo'] as const) {
    const { container, unmount } = await open(locale, 'light')
    await page.viewport(320, 3000)
    for (const gallery of container.querySelectorAll<HTMLElement>('.gallery'))
      gallery.style.cssText = 'columns: 1; padding: 8px'
    const wide = [...container.querySelectorAll('[data-exhibit] *')].filter(
      (element) => element.getBoundingClientRect().right > 320 && !element.closest('.molam-announcer, .molam-hidden'),
    )
    expect(wide.map(({ outerHTML }) => outerHTML)).toEqual([])
    // All of it in sight: below the end of the screen a picture is empty.
    await page.viewport(320, Math.ceil(container.getBoundingClientRect().height))
    await page.screenshot({ element: container, path: `../../test-results/ui/phone-${locale}.png` })
    await unmount()
  }
})

it('the dark theme is the choice of the system unless the page says otherwise', async () => {
  const surface = () => getComputedStyle(document.documentElement).getPropertyValue('--molam-surface')
  const prefer = (value: string) =>
    cdp().send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
  await prefer('light')
  const light = surface()
  await prefer('dark')
  expect(surface()).not.toBe(light)
  document.documentElement.dataset['theme'] = 'light'
  expect(surface()).toBe(light)
  await prefer('light')
  document.documentElement.dataset['theme'] = 'dark'
  expect(surface()).not.toBe(light)
})
