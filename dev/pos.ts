import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Country } from '../src/protocol/policy.ts'
import { enrolmentCode } from './enrolment-code.ts'
import { fundWallets } from './fleet/wallets.ts'
import type { Stack } from './stack.ts'

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
  if (!existsSync(path)) {
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

/** The same, whether the ledger knows the shop or not. @returns the page's URL with it */
export async function invitation(stack: Stack, { deviceId, country, shop }: Till): Promise<string> {
  return `${stack.edge.url}/pos/#enrol=${deviceId}.${await enrolmentCode(stack, { deviceId, country, wallet: shop })}`
}
