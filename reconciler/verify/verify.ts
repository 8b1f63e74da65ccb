import type { CryptoKey } from 'jose'
import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { trustedReceiptKeys } from '../../src/crypto/receipt-keys.ts'
import type { ConsentCodes } from '../codes/code.ts'
import { unhurried } from '../db.ts'
import { AUDIT_CHECKS } from './audit-checks.ts'
import { bundlesSkipped, checkBundles } from './bundles.ts'
import { type Finding, runCheck } from './check.ts'
import { checkCheckpoints } from './checkpoints.ts'
import { checkDevices, checkResolutions } from './evidence.ts'
import { GUARD_CHECKS } from './guard-checks.ts'
import { checkHoldersWords } from './holders-words.ts'
import { LEDGER_CHECKS } from './ledger-checks.ts'
import { checkPolicies } from './policies.ts'
import { SETTLEMENT_CHECKS } from './settlement-checks.ts'
import { readWaiting, type Waiting } from './waiting.ts'

/**
 * Every invariant over the whole book, in one snapshot, so that reconcilers may go on meanwhile:
 *
 *   ledger by itself → payments, bundles, activity → audit → what keeps facts unchanged → the signed evidence → checkpoints → what is still waiting
 */
export interface VerifyOptions {
  readonly pool: pg.Pool
  /** Opens and checks bundles and consents; without it that part is skipped, and says so. */
  readonly evidence?: { readonly keys: KeyProvider; readonly codes: ConsentCodes }
  /** Bundles whose evidence is looked at; all when left out. */
  readonly sample?: number
  readonly checkpoints?: { readonly file: string; readonly key: CryptoKey }
  /** Of each check at most so many examples. */
  readonly examplesMax: number
  readonly onProgress: (progress: { readonly label: string; readonly done: number; readonly total: number }) => void
}

export interface Verification {
  readonly sound: boolean
  readonly findings: readonly Finding[]
  readonly waiting: readonly Waiting[]
}

export async function verifyBook(options: VerifyOptions): Promise<Verification> {
  const client = await options.pool.connect()
  let failed: Error | undefined
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const verification = await unhurried(client, () => checkAll(client, options))
    await client.query('COMMIT')
    return verification
  } catch (error) {
    failed = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    client.release(failed)
  }
}

async function checkAll(client: pg.PoolClient, options: VerifyOptions): Promise<Verification> {
  const { evidence, sample, checkpoints, examplesMax, onProgress } = options
  // A big join should not go through the disk in small pieces.
  await client.query(`SET LOCAL work_mem = '64MB'`)
  const findings: Finding[] = []
  const checks = [...LEDGER_CHECKS, ...SETTLEMENT_CHECKS, ...AUDIT_CHECKS, ...GUARD_CHECKS]
  for (const [done, check] of checks.entries()) {
    onProgress({ label: check.name, done, total: checks.length })
    findings.push(await runCheck(client, check, examplesMax))
  }
  if (evidence === undefined) findings.push(bundlesSkipped())
  else {
    const { keys, codes } = evidence
    const progress = (done: number, total: number) => onProgress({ label: 'bundle_evidence', done, total })
    const deps = { client, keys, examplesMax, onProgress: progress, ...(sample !== undefined && { sample }) }
    const trusted = await trustedReceiptKeys(keys)
    findings.push(await checkPolicies(client, trusted, examplesMax))
    findings.push(await checkBundles(deps))
    findings.push(
      await checkDevices(client, trusted, codes, examplesMax),
      await checkResolutions(client, trusted, examplesMax),
      await checkHoldersWords(client, examplesMax),
    )
  }
  if (checkpoints) findings.push(await checkCheckpoints(client, checkpoints.file, checkpoints.key, examplesMax))
  const waiting = await readWaiting(client)
  return { sound: findings.every(({ found }) => found === 0), findings, waiting }
}
