import { afterEach, describe, expect, it } from 'vitest'
import { render } from 'vitest-browser-react'
import '../../src/ui/style.css'
import '../../src/web/pos/styles/index.css'

/** WCAG 1.4.3 for text, 1.4.11 for what tells where a control is. */
const [TEXT_MIN, OUTLINE_MIN] = [4.5, 3]
const TONES = ['settled', 'waiting', 'checked', 'failed']
const SURFACES = ['--molam-surface', '--molam-muted', '--app-ground']

afterEach(() => {
  delete document.documentElement.dataset['theme']
})

const color = (name: string) => {
  const probe = document.createElement('i')
  probe.style.color = `var(${name})`
  document.body.appendChild(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** Relative luminance of sRGB, WCAG 2.2. */
function luminance(rgb: string): number {
  const [r = 0, g = 0, b = 0] = (rgb.match(/[\d.]+/g) ?? [])
    .map((part) => Number(part) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

describe.each(['light', 'dark'] as const)('%s', (theme) => {
  it('text is read on every surface that it may stand on', () => {
    document.documentElement.dataset['theme'] = theme
    for (const surface of SURFACES) {
      for (const ink of ['--molam-ink', '--molam-quiet', '--molam-accent'])
        expect(contrast(color(ink), color(surface)), `${ink} on ${surface}`).toBeGreaterThanOrEqual(TEXT_MIN)
    }
    for (const tone of TONES) {
      const [ink, own] = [color(`--molam-${tone}`), color(`--molam-${tone}-surface`)]
      for (const surface of [own, color('--molam-surface'), color('--app-ground')])
        expect(contrast(ink, surface), `${tone} on ${surface}`).toBeGreaterThanOrEqual(TEXT_MIN)
    }
    expect(contrast(color('--molam-on-accent'), color('--molam-accent'))).toBeGreaterThanOrEqual(TEXT_MIN)
  })

  it('the outline of every control is told from what is in it and what is around it', async () => {
    document.documentElement.dataset['theme'] = theme
    const { container } = await render(
      <div>
        <button type="button" className="molam-button">
          x
        </button>
        <div className="app-field">
          <input aria-label="field" />
          <input aria-label="wrong field" aria-invalid />
        </div>
        <fieldset className="app-choice">
          <label>
            <input type="radio" />
            <span>x</span>
          </label>
        </fieldset>
        <progress className="molam-progress" aria-label="progress" value={1} max={2} />
      </div>,
    )
    const controls = container.querySelectorAll('.molam-button, .app-field input, .app-choice span, .molam-progress')
    expect(controls).toHaveLength(5)
    for (const control of controls) {
      const { borderTopColor, borderTopStyle, backgroundColor } = getComputedStyle(control)
      expect(borderTopStyle, control.outerHTML).toBe('solid')
      for (const beside of [backgroundColor, color('--app-ground'), color('--molam-surface')])
        expect(contrast(borderTopColor, beside), `${control.outerHTML} on ${beside}`).toBeGreaterThanOrEqual(
          OUTLINE_MIN,
        )
    }
  })
})
