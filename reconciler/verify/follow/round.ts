import type pg from 'pg'
import type { KeyProvider } from '../../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../../src/crypto/sign1.ts'
import type { ConsentCodes } from '../../codes/code.ts'
import { AUDIT_CHECKS } from '../audit-checks.ts'
import { checkBundles } from '../bundles.ts'
import { type Finding, runCheck } from '../check.ts'
import { checkDevices, checkResolutions } from '../evidence.ts'
import { checkHoldersWords } from '../holders-words.ts'
import { checkPolicies } from '../policies.ts'
import { type NewRows, type Position, readNewRows } from './new-rows.ts'
import { type Scope, scopeOf } from './scope.ts'
import { checkAccounts, checkAllowances, checkNewEntries, checkPayments } from './scoped-checks.ts'

/**
 * One look at everything that is new, in one snapshot:
 *
 *   new rows → what they are about → accounts and entries → payments and bundles → signatures → devices, resolutions, policies
 */
export interface RoundDeps {
  readonly client: pg.ClientBase
  readonly keys: KeyProvider
  readonly trusted: readonly TrustedKey[]
  readonly codes: ConsentCodes
  readonly examplesMax: number
  /** Of a large table, how much is read in a round besides its end; as much as there is time for when left out. */
  readonly piecePages?: number
}

export interface Round {
  /** Only of what is wrong. */
  readonly wrong: readonly Finding[]
  /** How many rows were new. */
  readonly rows: number
  /** Where to go on, once what is wrong has been dealt with. */
  readonly next: Position
}

export async function lookAtNew(deps: RoundDeps, position: Position): Promise<Round> {
  const { client, examplesMax } = deps
  const { rows, next } = await readNewRows(client, position, deps.piecePages)
  const scope = await scopeOf(client, rows)
  const findings = [
    ...(await checkNewEntries(client, rows, examplesMax)),
    ...(await checkAccounts(client, scope, examplesMax)),
    ...(await checkPayments(client, scope, examplesMax)),
    ...(await checkAllowances(client, scope, examplesMax)),
    ...(await checkEvidence(deps, rows, scope)),
  ]
  const count = Object.values(rows).reduce((sum, some) => sum + some.length, 0)
  return { wrong: findings.filter(({ found }) => found > 0), rows: count, next }
}

async function checkEvidence(deps: RoundDeps, rows: NewRows, scope: Scope): Promise<readonly Finding[]> {
  const { client, keys, trusted, codes, examplesMax } = deps
  const findings: Finding[] = []
  const bundles = new Map([
    ...scope.bundles.map((one) => [one.join('/'), one] as const),
    ...rows.signed.map(({ device_id, bundle_id }) => [`${device_id}/${bundle_id}`, [device_id, bundle_id]] as const),
  ])
  if (bundles.size > 0) {
    const sample = [...bundles.values()]
    findings.push(await checkBundles({ client, keys, sample, examplesMax, onProgress: () => undefined }))
  }
  if (scope.devices.length > 0) {
    const of = { devices: scope.devices, consents: new Set(rows.consents.map(({ digest }) => digest)) }
    findings.push(await checkDevices(client, trusted, codes, examplesMax, of))
  }
  const payers = [
    ...new Set([...rows.answers, ...rows.mandates, ...rows.orders].map(({ payer_device_id }) => payer_device_id)),
  ]
  if (payers.length > 0) findings.push(await checkHoldersWords(client, examplesMax, payers))
  if (rows.resolutions.length > 0) {
    const devices = [...new Set(rows.resolutions.map(({ device_id }) => device_id))]
    findings.push(await checkResolutions(client, trusted, examplesMax, devices))
  }
  if (rows.policies.length > 0) {
    findings.push(await checkPolicies(client, trusted, examplesMax))
    for (const check of AUDIT_CHECKS.filter(({ name }) => name === 'audit_policies')) {
      findings.push(await runCheck(client, check, examplesMax))
    }
  }
  return findings
}
