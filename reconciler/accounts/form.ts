import { type CsvRow, InvalidForm, readCsv } from './csv.ts'
import type { Action, Asked } from './request.ts'

const ACCOUNTS = { required: ['wallet_id', 'kind', 'currency', 'holder', 'tenant'], optional: ['phone'] }
const FUNDINGS = { required: ['reference', 'wallet_id', 'amount_minor', 'currency'], optional: [] }

interface Options {
  readonly kind?: string | undefined
  readonly holder?: string | undefined
  readonly tenant?: string | undefined
  readonly phone?: string | undefined
  readonly currency: string
  readonly reference?: string | undefined
  readonly reason?: string | undefined
  readonly flat?: string | undefined
  readonly 'basis-points'?: string | undefined
  readonly bearer?: string | undefined
  readonly from?: string | undefined
  readonly csv?: string | undefined
}

type OnBytes = (read: number, size: number) => void

interface Typed {
  readonly positionals: readonly string[]
  readonly options: Options
  readonly onBytes: OnBytes
}

/** What a person may ask for, by the word of the command. */
const FORMS: Readonly<Record<string, (typed: Typed) => Asked>> = {
  open({ positionals, options: { kind, currency, holder, tenant, phone } }) {
    const facts = { wallet_id: positionals[0], kind, currency, holder, tenant }
    return { action: 'open', rows: row(positionals, 1, facts, { phone }) }
  },
  import({ positionals: [file, ...more], onBytes }) {
    if (file === undefined || more.length > 0) throw new InvalidForm('one file')
    return { action: 'open', rows: readCsv(file, ACCOUNTS, onBytes) }
  },
  fund({ positionals, options: { reference, currency, csv }, onBytes }) {
    if (csv !== undefined && positionals.length > 0) throw new InvalidForm('a wallet or a file')
    if (csv !== undefined) return { action: 'fund', rows: readCsv(csv, FUNDINGS, onBytes) }
    const [wallet_id, amount_minor] = positionals
    return { action: 'fund', rows: row(positionals, 2, { reference, wallet_id, amount_minor, currency }) }
  },
  freeze: (typed) => freezing('freeze', typed),
  unfreeze: (typed) => freezing('unfreeze', typed),
  tariff({ positionals, options: { flat, 'basis-points': basis_points, bearer, from, currency } }) {
    const [country, type] = positionals
    const terms = { flat_minor: flat, basis_points, bearer, effective_from: isoTime(from) }
    return { action: 'tariff', rows: row(positionals, 2, { country, type, currency, ...terms }) }
  },
}

/**
 * What was typed, as a request. Whether it can be done says the database, which has the ledger.
 *
 * @returns undefined for what is no request
 * @throws InvalidForm where something is missing
 */
export function formOf(what: string | undefined, typed: Typed): Asked | undefined {
  return what !== undefined && Object.hasOwn(FORMS, what) ? FORMS[what]?.(typed) : undefined
}

/** A file, as what a request asks for; undefined where requests of its kind come from no file. */
export function formOfFile(action: Action, file: string, onBytes: OnBytes): Asked | undefined {
  const columns = action === 'open' ? ACCOUNTS : action === 'fund' ? FUNDINGS : undefined
  return columns && { action, rows: readCsv(file, columns, onBytes) }
}

function freezing(action: 'freeze' | 'unfreeze', { positionals, options: { reason } }: Typed): Asked {
  if (reason === undefined) throw new InvalidForm('--reason')
  return { action, reason, rows: row(positionals, 1, { wallet_id: positionals[0] }) }
}

function row(
  positionals: readonly string[],
  count: number,
  required: Readonly<Record<string, string | undefined>>,
  optional: Readonly<Record<string, string | undefined>> = {},
): readonly CsvRow[] {
  const missing = Object.keys(required).filter((name) => required[name] === undefined)
  if (missing.length > 0) throw new InvalidForm(`missing: ${missing.join(', ')}`)
  if (positionals.length > count) throw new InvalidForm('too many arguments')
  const given = Object.entries({ ...required, ...optional }).filter(([, value]) => value !== undefined)
  return [{ line: 1, content: Object.fromEntries(given) as Record<string, string> }]
}

/** One form for one time, so that the same tariff has the same digest. */
function isoTime(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const atMs = Date.parse(text)
  if (!Number.isFinite(atMs) || !/Z$|[+-]\d\d:\d\d$/.test(text))
    throw new InvalidForm('--from <ISO time with its zone>')
  return new Date(atMs).toISOString()
}
