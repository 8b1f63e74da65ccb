import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright'
import { bundled } from '../../test/kit/bundled.ts'
import { chromiumLaunch } from '../../test/kit/chromium.ts'
import { median, percentile } from '../edge/stats.ts'
import { type EdgeSubject, startEdgeSubject } from '../edge/subjects/edge.ts'
import { openWorld, type World } from '../edge/world.ts'
import type { Options } from './options.ts'
import type { Invitation, PageTimes, Prepare } from './page-types.ts'
import { SHOP } from './payments.ts'
import { ms, type Row } from './report.ts'

/** A phone that is six times slower than this machine, as DevTools imitates one. */
const SLOWDOWN = 6
const PAYMENTS = 50

export const BROWSER_NOTES = [
  `Chromium with a profile on disk, a fresh one each time; keys that cannot be exported, records encrypted in IndexedDB, every write awaited with durability "strict". The slowdown (CDP \`Emulation.setCPUThrottlingRate\`, ${SLOWDOWN}) holds for the page’s own thread: WebCrypto’s and IndexedDB’s run beside it at full speed.`,
]

export async function measureBrowser(options: Options, project: string): Promise<readonly Row[]> {
  const { code } = await bundled(`export { prepare } from '${project}/bench/device/page.ts'`)
  const world = await openWorld()
  const edge = await startEdgeSubject(world, project)
  try {
    const slow: PageTimes[] = []
    const full: PageTimes[] = []
    for (let profile = 0; profile < options.profiles; profile++) {
      for (const [times, rate] of [
        [slow, SLOWDOWN],
        [full, 1],
      ] as const) {
        const invitation = await invite(edge, world, `POS-${profile}-AT-${rate}`)
        times.push(await inFreshProfile(code, invitation, rate))
      }
    }
    return rows(slow, full)
  } finally {
    await edge.stop()
    await world.close()
  }
}

/** The one-time code that a shop gets from its operator. */
async function invite(edge: EdgeSubject, world: World, deviceId: string): Promise<Invitation> {
  const answer = await fetch(`${edge.url}/offline/devices/enrolment-codes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ device_id: deviceId, country: 'SN', tenant: 'molam', owner_wallet: SHOP, valid_hours: 1 }),
  })
  if (!answer.ok) throw new Error(`enrolment code: ${answer.status} ${await answer.text()}`)
  const { code } = (await answer.json()) as { code: string }
  return { apiUrl: edge.url, deviceId, code }
}

/** On disk: what a private window keeps in IndexedDB is in memory only. */
async function inFreshProfile(code: string, invitation: Invitation, rate: number): Promise<PageTimes> {
  const profile = await mkdtemp(join(tmpdir(), 'molam-device-bench-'))
  const context = await chromium.launchPersistentContext(profile, await chromiumLaunch())
  try {
    const page = await context.newPage()
    // Of the edge's own origin, as the merchant's page is.
    const at = `${invitation.apiUrl}/device-bench/`
    await page.route(`${at}*`, (route) =>
      route.request().url().endsWith('.js')
        ? route.fulfill({ contentType: 'text/javascript', body: code })
        : route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>device</title>' }),
    )
    await page.goto(at)
    const measure = await page.evaluateHandle(
      async ({ script, invitation, payments }) => {
        const { prepare } = (await import(script)) as { prepare: Prepare }
        // In an object: a handle on a function alone could not be told from one to call.
        return { run: await prepare(invitation, payments) }
      },
      { script: `${at}page.js`, invitation, payments: PAYMENTS },
    )
    const devtools = await context.newCDPSession(page)
    await devtools.send('Emulation.setCPUThrottlingRate', { rate })
    return await measure.evaluate(({ run }) => run())
  } finally {
    await context.close()
    await rm(profile, { recursive: true, force: true })
  }
}

function rows(slow: readonly PageTimes[], full: readonly PageTimes[]): readonly Row[] {
  const row = (what: string, of: (times: PageTimes) => number, more: Row['numbers'], moreText: string): Row => {
    const [slowMs, fullMs] = [median(slow.map(of)), median(full.map(of))]
    return {
      figure: `${what}, Chromium slowed down ${SLOWDOWN} times`,
      value: ms(slowMs),
      beside: `${ms(fullMs)} at full speed; ${moreText}`,
      numbers: { slowMs, fullMs, ...more },
    }
  }
  const all = slow.flatMap(({ takenMs }) => takenMs)
  const [p50Ms, p95Ms] = [percentile(all, 0.5), percentile(all, 0.95)]
  const signedMs = median(slow.map((times) => times.signedMs))
  const total = ({ takenMs }: PageTimes) => takenMs.reduce((sum, one) => sum + one, 0)
  const taken = `${PAYMENTS} payments taken and journalled one after the other`
  const sealed = `${PAYMENTS} payments sealed, journalled as a bundle and signed`
  return [
    row(taken, total, { p50Ms, p95Ms }, `one of them p50 ${ms(p50Ms)}, p95 ${ms(p95Ms)}`),
    row(sealed, ({ sealedMs }) => sealedMs, { signedMs }, `signing alone ${ms(signedMs)}`),
  ]
}
