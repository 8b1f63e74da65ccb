import { beforeEach, expect, it } from 'vitest'
import { cdp, page } from 'vitest/browser'
import { decodeQR, generateOfflineQR, OfflineQRReader, qrModules } from '../../src/device/qr/index.ts'
import { OfflineQRDisplay } from '../../src/ui/index.ts'
import { random } from '../device/sdk/edge.ts'
import { Till } from './till.tsx'

const media = (value: 'reduce' | 'no-preference') =>
  cdp().send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-reduced-motion', value }] })

beforeEach(() => media('no-preference'))

/** The pixels of the symbol on the page, at a size in pixels: what a camera would get. */
async function rendered(container: Element, size: number): Promise<ImageData> {
  const svg = container.querySelector('svg.molam-qr-symbol')?.cloneNode(true) as SVGElement
  svg.setAttribute('width', String(size))
  svg.setAttribute('height', String(size))
  const image = new Image()
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`
  await image.decode()
  const context = new OffscreenCanvas(size, size).getContext('2d')
  if (context === null) throw new Error('no canvas')
  context.drawImage(image, 0, 0)
  return context.getImageData(0, 0, size, size)
}

const scan = async (container: Element) => decodeQR(await rendered(container, 800))

it('every pixel of a symbol is that of its module, and nothing in between', async () => {
  const qr = generateOfflineQR(random(300))
  const { container } = await (await Till.open()).show(<OfflineQRDisplay qr={qr} />)
  const modules = qrModules(qr.parts[0] ?? '')
  const scale = 4
  const { data, width } = await rendered(container, modules.length * scale)
  let wrong = 0
  for (let at = 0; at < data.length / 4; at++) {
    const dark = modules[Math.floor(at / width / scale)]?.[Math.floor((at % width) / scale)]
    if (data[at * 4] !== (dark ? 0 : 255)) wrong++
  }
  expect(wrong).toBe(0)
})

it('one symbol on the page scans back to its text, and has a name', async () => {
  const qr = generateOfflineQR(random(300))
  const { container } = await (await Till.open()).show(<OfflineQRDisplay qr={qr} />)
  expect(await scan(container)).toBe(qr.parts[0])
  await expect.element(page.getByRole('img', { name: 'Code QR des paiements en attente' })).toBeVisible()
  expect(page.getByRole('button').elements()).toHaveLength(0)
})

it('all symbols of a large bundle come by turns, and scanned from the page they are the bundle', async () => {
  const till = await Till.open()
  const bundle = random(4_000)
  const qr = generateOfflineQR(bundle)
  const { container, text } = await till.show(<OfflineQRDisplay qr={qr} />)
  const reader = new OfflineQRReader()
  for (let at = 0; at < qr.parts.length; at++) {
    await expect.poll(text).toContain(`Partie ${at + 1} sur ${qr.parts.length}`)
    const result = reader.add((await scan(container)) ?? '')
    const last = at + 1 === qr.parts.length
    expect(result).toMatchObject(last ? { status: 'complete', bundle } : { status: 'partial' })
    till.timers.fire()
  }
  await expect.poll(text).toContain('Partie 1 sur')
})

it('pause stops the turning, next and previous step by hand', async () => {
  const till = await Till.open()
  const { text } = await till.show(<OfflineQRDisplay qr={generateOfflineQR(random(4_000))} />)
  expect(till.timers.pending.size).toBe(1)
  await page.getByRole('button', { name: 'Pause' }).click()
  await expect.element(page.getByRole('button', { name: 'Défiler' })).toBeVisible()
  expect(till.timers.pending.size).toBe(0)
  await page.getByRole('button', { name: 'Précédent' }).click()
  const of = generateOfflineQR(random(4_000)).parts.length
  await expect.poll(text).toContain(`Partie ${of} sur ${of}`)
  await page.getByRole('button', { name: 'Suivant' }).click()
  await expect.poll(text).toContain('Partie 1 sur')
  await page.getByRole('button', { name: 'Défiler' }).click()
  await expect.poll(() => till.timers.pending.size).toBe(1)
})

it('where less motion is asked for, nothing moves by itself', async () => {
  await media('reduce')
  const till = await Till.open()
  const { text } = await till.show(<OfflineQRDisplay qr={generateOfflineQR(random(4_000))} />)
  expect(till.timers.pending.size).toBe(0)
  await page.getByRole('button', { name: 'Suivant' }).click()
  await expect.poll(text).toContain('Partie 2 sur')
})

it('a display that is gone stops its timer', async () => {
  const till = await Till.open()
  const { unmount } = await till.show(<OfflineQRDisplay qr={generateOfflineQR(random(4_000))} />)
  expect(till.timers.pending.size).toBe(1)
  await unmount()
  expect(till.timers.pending.size).toBe(0)
})
