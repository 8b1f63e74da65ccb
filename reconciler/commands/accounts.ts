import { parseArgs } from 'node:util'
import type pg from 'pg'
import { InvalidForm } from '../accounts/csv.ts'
import { approve, isOf, parseRequestName, type RequestName, refuse } from '../accounts/decide.ts'
import { formOf, formOfFile } from '../accounts/form.ts'
import { openRequests } from '../accounts/open-requests.ts'
import { ask, one, showRows } from '../accounts/request.ts'
import { decideText, listText, requestText } from '../accounts/text.ts'
import { asOperator } from '../operator-session.ts'
import { type Command, InvalidCall, positiveInteger, type Terminal } from './command.ts'

export const accounts: Command = {
  summary: 'open, fund and freeze accounts and set tariffs: one person asks, another approves',
  help: `usage: accounts <what> … [--dry-run] [--json]

  open <wallet> --kind customer|merchant|agent --holder <id> --tenant <tenant> [--phone <E.164>] [--currency XOF]
  import <csv>                 opens many: wallet_id, kind, currency, holder, tenant, phone
  fund <wallet> <amount> --reference <text> [--currency XOF]
  fund --csv <csv>             many: reference, wallet_id, amount_minor, currency
  freeze <wallet> --reason <text> · unfreeze <wallet> --reason <text>
  tariff <country> <type> --flat <minor> --basis-points <n> --bearer payer|payee --from <ISO time> [--currency XOF]

  requests [--all]             what waits for a second person
  approve <request> [--csv <csv>]   does it; with a file only if the file is what was asked for
  refuse <request>             nobody can approve it any more
  show <wallet> | show <request> [--rows <n>]   masked; --unmasked is on record

  --dry-run  does all of it, shows what came of it, and takes it back
  --rows <n> rows or faults to show (20)

OPERATOR_DATABASE_URL: a Postgres login of your own, a member of molam_operator. A request waits for 24 hours. To ask, or to
approve, again is harmless. A reference funds once. Amounts are minor units. Reasons are kept for ever: nothing personal.
Exit 1 when something was refused.`,

  async run(args, terminal) {
    try {
      return await runAccounts(args, terminal)
    } catch (error) {
      throw error instanceof InvalidForm ? new InvalidCall(error.message) : error
    }
  },
}

async function runAccounts(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parse(args)
  const [what, ...rest] = positionals
  if (what === 'requests') return list(terminal, values)
  if (what === 'show') return show(terminal, rest, values)
  if (what === 'approve' || what === 'refuse') return decide(what, terminal, rest, values)
  const form = formOf(what, { positionals: rest, options: values, onBytes: progressOf(terminal) })
  if (form === undefined) throw new InvalidCall('what is to be done?')
  const answer = await asOperator(terminal.env, (client) => ask(client, form, values['dry-run']))
  terminal.clear()
  terminal.print(
    values.json
      ? JSON.stringify(answer)
      : requestText(answer, values['dry-run'], positiveInteger(values.rows, '--rows')),
  )
  return answer.kind === 'told' && IN_ORDER.has(answer.told.answer) ? 0 : 1
}

/** Also when it waits or was done: to ask again is harmless. */
const IN_ORDER: ReadonlySet<string> = new Set(['submitted', 'waiting', 'nothing_to_do'])

type OnBytes = (read: number, size: number) => void

const progressOf =
  (terminal: Terminal): OnBytes =>
  (read, size) =>
    terminal.progress('bytes of the file', read, size)

type Values = ReturnType<typeof parse>['values']

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...{
        kind: { type: 'string' },
        holder: { type: 'string' },
        tenant: { type: 'string' },
        phone: { type: 'string' },
      },
      ...{ currency: { type: 'string', default: 'XOF' }, reference: { type: 'string' }, reason: { type: 'string' } },
      ...{ flat: { type: 'string' }, 'basis-points': { type: 'string' }, bearer: { type: 'string' } },
      ...{ from: { type: 'string' }, csv: { type: 'string' }, rows: { type: 'string', default: '20' } },
      all: { type: 'boolean', default: false },
      unmasked: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  } as const)

async function list(terminal: Terminal, { all, json, rows }: Values): Promise<number> {
  const found = await asOperator(terminal.env, (client) => openRequests(client, all, positiveInteger(rows, '--rows')))
  terminal.print(json ? JSON.stringify(found) : listText(found))
  return 0
}

async function show(terminal: Terminal, [name, ...more]: readonly string[], values: Values): Promise<number> {
  if (name === undefined || more.length > 0) throw new InvalidCall('a wallet or a request')
  const { unmasked, rows } = values
  const request = parseRequestName(name)
  const found = await asOperator(terminal.env, (client) =>
    request === undefined
      ? one<object | null>(client, 'wallet_core.show_account($1, $2)', [name, unmasked])
      : showRows(client, request.id, positiveInteger(rows, '--rows'), unmasked),
  )
  terminal.print(found === null ? 'no such wallet' : JSON.stringify(found, null, values.json ? 0 : 2))
  return found === null ? 1 : 0
}

async function decide(
  what: 'approve' | 'refuse',
  terminal: Terminal,
  [name, ...more]: readonly string[],
  values: Values,
): Promise<number> {
  const request = parseRequestName(name)
  if (request === undefined || more.length > 0) throw new InvalidCall('a request, as `accounts requests` names it')
  const { csv, json, 'dry-run': dryRun } = values
  return asOperator(terminal.env, async (client) => {
    if (what === 'refuse') {
      const told = await refuse(client, request)
      terminal.print(json ? JSON.stringify(told) : decideText({ told, first: [] }, false))
      return told.answer === 'refused' || told.answer === 'refused_before' ? 0 : 1
    }
    if (csv !== undefined && !(await isAskedFor(client, request, csv, progressOf(terminal)))) {
      terminal.print(
        json ? JSON.stringify({ answer: 'other_file' }) : 'the file is not what was asked for; nothing was done',
      )
      return 1
    }
    const decided = await approve(client, request, dryRun)
    terminal.clear()
    terminal.print(json ? JSON.stringify(decided) : decideText(decided, dryRun))
    return decided.told.answer === 'done' || decided.told.answer === 'done_before' ? 0 : 1
  })
}

/** Also when the request has ended: how, says the answer to the approval. */
async function isAskedFor(
  client: pg.ClientBase,
  request: RequestName,
  csv: string,
  onBytes: OnBytes,
): Promise<boolean> {
  const [known] = await openRequests(client, true, 1, request.id)
  if (known?.state !== 'waiting') return true
  const form = formOfFile(known.action, csv, onBytes)
  return form !== undefined && isOf(client, request, form)
}
