import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Asked, enrolmentCode } from './enrolment-code.ts'
import { fundWallets } from './fleet/wallets.ts'
import { PAYERS } from './pos.ts'
import type { Stack } from './stack.ts'

/** The phone of this data directory: cleared state gets a new one, because a browser still knows the old. */
export function demoPhone(dataDir: string): Asked {
  const path = join(dataDir, 'phone.json')
  if (!existsSync(path)) {
    const deviceId = `TEL-DEMO-${randomBytes(2).toString('hex').toUpperCase()}`
    writeFileSync(path, JSON.stringify({ deviceId, country: 'SN', wallet: PAYERS[0] ?? '' } satisfies Asked))
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Asked
}

/**
 * Opens the account of the phone's wallet, and asks for a code.
 *
 * @returns the page's URL: whoever opens it first has the phone
 */
export async function invitePhone(stack: Stack, phone: Asked): Promise<string> {
  await fundWallets(stack.database.owner, [phone.wallet], { reference: `phone:${phone.deviceId}`, seed: 5 })
  return `${stack.edge.url}/wallet/#enrol=${phone.deviceId}.${await enrolmentCode(stack, phone)}`
}
