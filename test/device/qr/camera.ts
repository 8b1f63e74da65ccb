import type { Pixels } from '../../../src/device/qr/scan.ts'

/** How a phone sees a symbol that another one shows. */
export interface View {
  /** Need not be whole. */
  readonly pxPerModule: number
  /** Degrees, clockwise. */
  readonly turned?: number
  /** Radius of what the lens smears, pixels. */
  readonly blurPx?: number
  /** Largest change of a pixel's brightness, of 255. */
  readonly noise?: number
  /** Bright page around the symbol, pixels. */
  readonly marginPx?: number
}

type Modules = readonly (readonly boolean[])[]

const SAMPLES = 3
const [DARK, LIGHT] = [25, 235]

/** A picture of a symbol: each pixel is the mean of a few points in it, then blurred, then noisy. The same every time. */
export function photograph(modules: Modules, view: View): Pixels {
  const { pxPerModule, turned = 0, blurPx = 0, noise = 0, marginPx = 10 } = view
  const angle = (turned * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const side = modules.length * pxPerModule
  const size = Math.ceil(side * (Math.abs(cos) + Math.abs(sin))) + 2 * marginPx
  const isDark = (x: number, y: number) => {
    const [dx, dy] = [x - size / 2, y - size / 2]
    const column = Math.floor((cos * dx + sin * dy + side / 2) / pxPerModule)
    const row = Math.floor((cos * dy - sin * dx + side / 2) / pxPerModule)
    return modules[row]?.[column] === true
  }
  let luma = new Float32Array(size * size)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let dark = 0
      for (let i = 0; i < SAMPLES * SAMPLES; i++) {
        const [sx, sy] = [(i % SAMPLES) + 0.5, Math.floor(i / SAMPLES) + 0.5]
        if (isDark(x + sx / SAMPLES, y + sy / SAMPLES)) dark++
      }
      luma[y * size + x] = LIGHT - ((LIGHT - DARK) * dark) / (SAMPLES * SAMPLES)
    }
  }
  // Two passes of a mean along each axis come close to a lens's bell.
  if (blurPx > 0) for (let pass = 0; pass < 2; pass++) luma = smear(smear(luma, size, blurPx, 1), size, blurPx, size)
  return { width: size, height: size, data: rgba(luma, noise) }
}

/** The mean over `2 × radius + 1` pixels along one axis; a radius between whole ones weighs the outermost. */
function smear(luma: Float32Array, size: number, radius: number, step: number): Float32Array<ArrayBuffer> {
  const [whole, part] = [Math.floor(radius), radius % 1]
  return Float32Array.from(luma, (_, at) => {
    const along = step === 1 ? at % size : Math.floor(at / size)
    let [sum, weights] = [0, 0]
    for (let d = -whole - 1; d <= whole + 1; d++) {
      if (along + d < 0 || along + d >= size) continue
      const weight = Math.abs(d) > whole ? part : 1
      sum += weight * (luma[at + d * step] ?? 0)
      weights += weight
    }
    return sum / weights
  })
}

function rgba(luma: Float32Array, noise: number): Uint8ClampedArray {
  const data = new Uint8ClampedArray(4 * luma.length)
  let state = 1
  for (const [at, light] of luma.entries()) {
    // A linear congruential generator (Numerical Recipes): the same grain every time.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const value = light + noise * ((2 * state) / 0xffff_ffff - 1)
    data.set([value, value, value, 255], 4 * at)
  }
  return data
}
