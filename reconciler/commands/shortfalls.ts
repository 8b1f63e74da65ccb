import { parseArgs } from 'node:util'
import type pg from 'pg'
import { isCountry } from '../../src/protocol/policy.ts'
import { parseBookConfig } from '../config.ts'
import { type Command, InvalidCall, positiveInteger, withPool } from './command.ts'

export const shortfalls: Command = {
  summary: 'money that could not be taken from a wallet, and who goes without it',
  help: `usage: shortfalls [--country <CC>] [--show <n>] [--json]

  --country <CC>  of devices of this country
  --show <n>      payments to list, the newest first (50)
  --json          one JSON document

READ_DATABASE_URL. A payment whose payer had no funds is borne by whoever handed over goods or cash; a reversal that the
receiver's wallet cannot pay, by the payer. Payments are named by device and counter, never by wallet.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        country: { type: 'string' },
        show: { type: 'string', default: '50' },
        json: { type: 'boolean', default: false },
      },
    })
    const { country } = values
    if (country !== undefined && !isCountry(country)) throw new InvalidCall('--country is an ISO 3166 code, as SN')
    const show = positiveInteger(values.show, '--show')
    const { login } = parseBookConfig(terminal.env)
    const [totals, payments] = await withPool(login, (pool) =>
      Promise.all([readTotals(pool, country), readPayments(pool, country, show)]),
    )
    terminal.print(values.json ? JSON.stringify({ totals, payments }) : text(totals, payments))
    return 0
  },
}

interface Total {
  readonly kind: 'payment' | 'reversal'
  readonly bearer: string
  readonly currency: string
  readonly count: number
  readonly minor: number
}

interface Shortfall {
  readonly kind: 'payment' | 'reversal'
  readonly device_id: string
  readonly counter: number
  readonly country: string
  readonly type: string
  readonly amount_minor: number
  readonly currency: string
  readonly bearer: string
  readonly short_since: Date
}

async function readTotals(pool: pg.Pool, country: string | undefined): Promise<readonly Total[]> {
  const { rows } = await pool.query<Total>(
    `SELECT kind, bearer, currency, count(*) AS count, sum(amount_minor)::bigint AS minor
     FROM offline_shortfalls WHERE $1::text IS NULL OR country = $1
     GROUP BY kind, bearer, currency ORDER BY kind, bearer, currency`,
    [country ?? null],
  )
  return rows
}

async function readPayments(pool: pg.Pool, country: string | undefined, max: number): Promise<readonly Shortfall[]> {
  const { rows } = await pool.query<Shortfall>(
    `SELECT kind, device_id, counter, country, type, amount_minor, currency, bearer, short_since
     FROM offline_shortfalls WHERE $1::text IS NULL OR country = $1
     ORDER BY short_since DESC, device_id, counter LIMIT $2`,
    [country ?? null, max],
  )
  return rows
}

function text(totals: readonly Total[], payments: readonly Shortfall[]): string {
  if (totals.length === 0) return 'no shortfalls'
  const lines = totals.map(
    ({ kind, bearer, currency, count, minor }) => `${count} ${kind}s, ${minor} ${currency} borne by: ${bearer}`,
  )
  for (const { kind, device_id, counter, country, type, amount_minor, currency, bearer, short_since } of payments) {
    const what = `${kind.padEnd(8)}  ${device_id}/${counter}  ${country} ${type}`
    lines.push(`  ${what}  ${amount_minor} ${currency}  borne by: ${bearer}, since ${short_since.toISOString()}`)
  }
  const more = totals.reduce((sum, { count }) => sum + count, 0) - payments.length
  return more > 0 ? [...lines, `  … and ${more} more`].join('\n') : lines.join('\n')
}
