import { join, relative } from 'node:path'
import { reconcileDay } from './fleet/books.ts'
import { liveMarketDay } from './fleet/day.ts'
import { enrolFleet, PAYER_PREFIX } from './fleet/fleet.ts'
import { parseOptions, type StartOptions } from './options.ts'
import { buildPages } from './pages.ts'
import { CannotStart, checkState, takePlace } from './place.ts'
import { demoTill, invite } from './pos.ts'
import { DayScreen } from './screen.ts'
import { devSecrets } from './secrets.ts'
import { type DatabaseUrls, type Stack, startStack } from './stack.ts'
import type { DevText } from './telephones.ts'
import { demoPhone, invitePhone } from './wallet.ts'

/** `npm start`: everything on this machine, and a market day of devices on it (dev/options.ts says what it takes). */
const root = join(import.meta.dirname, '..')
const SETTLE_WITHIN_MS = 10 * 60_000

async function main(options: StartOptions, stopping: AbortSignal): Promise<number> {
  const screen = new DayScreen(options.json)
  const { dataDir, ports, leave } = takePlace(root)
  screen.step(`keeping state in ${relative(root, dataDir)}`)
  checkState(root, { dataDir }, options.reset)
  const startedMs = Date.now()
  screen.step('building the pages where they are not up to date')
  await buildPages()
  screen.step('starting Postgres, workerd and the reconciler')
  const database = databaseOfEnvironment(process.env)
  const secrets = await devSecrets(join(root, '.dev.vars'))
  // Customers of the market read and enter theirs themselves.
  const onText = (text: DevText) => text.text.includes(PAYER_PREFIX) || screen.text(text)
  const stack = await startStack({ dataDir, secrets, ports, onText, ...(database && { database }) })
  heedSignals()
  try {
    screen.urls(await addresses(stack))
    const phone = demoPhone(dataDir)
    screen.invitations(await invite(stack, demoTill(dataDir)), await invitePhone(stack, phone), phone.wallet)
    screen.step(`enrolling ${options.devices} devices`)
    const run = Date.now().toString(36)
    const fleet = await enrolFleet(stack, { ...options, run, dir: join(dataDir, 'devices') })
    const settled = await liveMarketDay(
      fleet,
      { ...options, deadlineMs: Date.now() + SETTLE_WITHIN_MS, signal: stopping },
      (progress) => screen.progress(progress),
    )
    const asked = fleet.devices.reduce((sum, device) => sum + device.asked, 0)
    const books = { asked, ...(await reconcileDay(stack.database.owner, fleet)) }
    screen.result(books, (Date.now() - startedMs) / 1000, settled)
    if (!options.exit && !stopping.aborted) {
      screen.step('running until Ctrl-C')
      await new Promise((resolve) => stopping.addEventListener('abort', resolve))
    }
    const accounted =
      books.asked === books.payments + books.declined &&
      books.receipts === books.posted + books.failed + books.refused + books.waiting
    const exact = books.lost === 0 && books.duplicated === 0 && books.ledger_sum === 0
    return settled && accounted && exact ? 0 : 1
  } finally {
    await stack.stop()
    leave()
  }
}

async function addresses({ edge, issuer, database }: Stack): Promise<Record<string, string>> {
  return {
    edge: edge.url,
    'queue API': `${edge.queueUrl}/client/v4`,
    // As whoever looks at the book logs in; the owner migrates.
    Postgres: database.read,
    'its owner': database.owner,
    'admin token': await issuer.token('you', ['pay_admin']),
  }
}

function databaseOfEnvironment(env: NodeJS.ProcessEnv): DatabaseUrls | undefined {
  const { RECORD_DATABASE_URL: record, SETTLE_DATABASE_URL: settle, READ_DATABASE_URL: read } = env
  const { MIGRATION_DATABASE_URL: owner } = env
  if (record === undefined || settle === undefined || read === undefined || owner === undefined) return undefined
  return { record, settle, read, owner }
}

const stopping = new AbortController()

/** The first signal asks; the second one ends. Miniflare would end the process at the first, whatever others are doing. */
function heedSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(signal)
    process.once(signal, () => stopping.abort())
  }
}

heedSignals()
try {
  process.exitCode = await main(parseOptions(process.argv.slice(2)), stopping.signal)
} catch (error) {
  console.error(error instanceof CannotStart ? error.message : error)
  process.exitCode = 1
}
