import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Country } from '../src/protocol/policy.ts'
import { fundWallets } from './fleet/wallets.ts'
import { lockDirectory } from './lock.ts'
import type { Stack } from './stack.ts'

/** The merchant's page for people who try it: built, and with a till that waits to be enrolled. */
const root = join(import.meta.dirname, '..')
const DIST = join(root, 'dist')
/** What the page is made of. */
const SOURCES = ['src/web', 'src/ui', 'src/device', 'src/crypto', 'src/protocol']
const MADE_BY = ['vite.config.ts', 'package-lock.json']
/** Written last: while it is there, so is all the rest. */
const LAST = join(DIST, 'web/pos/sw.js')
const LOCK_EVERY_MS = 100

/** Builds the page when it is missing or older than what it is made of. Two at once: the second waits and finds it built. */
export async function buildPages(): Promise<void> {
  const unlock = await waitForLock()
  try {
    if (modifiedMs(LAST) > (await newestSourceMs())) return
    const { build } = await import('vite')
    await build({ configFile: join(root, 'vite.config.ts'), logLevel: 'warn' })
  } finally {
    unlock()
  }
}

async function newestSourceMs(): Promise<number> {
  const folders = await Promise.all(
    SOURCES.map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true })).map((at) => join(folder, at)),
    ),
  )
  return Math.max(...[...MADE_BY, ...folders.flat()].map((path) => modifiedMs(join(root, path))))
}

const modifiedMs = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

async function waitForLock(): Promise<() => void> {
  for (;;) {
    const unlock = lockDirectory(DIST)
    if (unlock !== undefined) return unlock
    await new Promise((resolve) => setTimeout(resolve, LOCK_EVERY_MS))
  }
}

/** Customers who can pay at a till that somebody tries: their wallets have money in them. */
export const PAYERS = ['W-SN-C950', 'W-SN-C951', 'W-SN-C952', 'W-SN-C953']

export interface Till {
  readonly deviceId: string
  readonly country: Country
  readonly shop: string
}

/** The till of this data directory: cleared state gets a new one, because a browser still knows the old. */
export function demoTill(dataDir: string): Till {
  const path = join(dataDir, 'till.json')
  if (modifiedMs(path) === 0) {
    const deviceId = `POS-DEMO-${randomBytes(2).toString('hex').toUpperCase()}`
    writeFileSync(path, JSON.stringify({ deviceId, country: 'SN', shop: 'W-SN-M950' } satisfies Till))
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Till
}

/**
 * Opens the accounts of the till's shop and of its customers, and asks for a code.
 *
 * @returns the page's URL: whoever opens it first has the till
 */
export async function invite(stack: Stack, till: Till): Promise<string> {
  await fundWallets(stack.database.owner, [till.shop, ...PAYERS], { reference: `till:${till.deviceId}`, seed: 5 })
  return invitation(stack, till)
}

/** Asks the admin API for a one-time code, whether the ledger knows the shop or not. @returns the page's URL with it */
export async function invitation(stack: Stack, till: Till): Promise<string> {
  const answer = await fetch(`${stack.edge.url}/offline/devices/enrolment-codes`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await stack.issuer.token('shop-keeper', ['pay_admin'])}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      device_id: till.deviceId,
      country: till.country,
      tenant: 'molam',
      owner_wallet: till.shop,
      valid_hours: 168,
    }),
  })
  if (!answer.ok) throw new Error(`enrolment code of ${till.deviceId}: ${answer.status} ${await answer.text()}`)
  const { code } = (await answer.json()) as { code: string }
  return `${stack.edge.url}/pos/#enrol=${till.deviceId}.${code}`
}
