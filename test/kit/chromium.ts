import sparticuz from '@sparticuz/chromium'
import type { LaunchOptions } from 'playwright'

/**
 * How playwright starts a Chromium: `CHROMIUM` names an installed one, otherwise the one of the npm registry is
 * unpacked once into the temporary folder.
 */
export async function chromiumLaunch(): Promise<LaunchOptions> {
  const executablePath = process.env['CHROMIUM'] ?? (await sparticuz.executablePath())
  // Drawn by the processor either way: without the detour over a GPU that it would have to play, at half the cost.
  sparticuz.setGraphicsMode = false
  // The service worker and IndexedDB need a profile of the renderer's own: no single process.
  const args = sparticuz.args.filter((arg) => arg !== '--single-process' && !arg.startsWith('--headless'))
  return { executablePath, args, headless: true }
}
