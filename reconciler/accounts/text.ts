import { nameOf } from './decide.ts'
import type { ListedRequest } from './open-requests.ts'
import type { Answer, ShownRow, Told } from './request.ts'

/** What came of asking. @param max faults to show */
export function requestText(answer: Answer, dryRun: boolean, max: number): string {
  if (answer.kind === 'faults') {
    const shown = answer.faults.slice(0, max).map(({ line, fault }) => `line ${line}: ${fault}`)
    const more = answer.faults.length - shown.length
    return [...shown, ...(more > 0 ? [`… and ${more} more`] : []), 'nothing was asked for'].join('\n')
  }
  const { told, first } = answer
  switch (told.answer) {
    case 'nothing_to_do':
      return 'all of it has been done before; nothing was asked for'
    case 'no_rows':
      return 'there are no rows; nothing was asked for'
    case 'too_many_rows':
      return 'a request has 50 000 rows at most; nothing was asked for'
    case 'too_much_money':
      return 'a request brings 100 000 000 minor units at most into the book; nothing was asked for'
    case 'waiting':
      return `${whatOf(told)}: waits already as ${nameOf(told)}, asked for by ${told.requested_by}`
    default: {
      const lines = [`${whatOf(told)}${told.done_before ? `, ${told.done_before} of them done before` : ''}`]
      lines.push(...first.map(rowText), ...moreText(told, first))
      if (dryRun) return [...lines, 'nothing was asked for: a dry run'].join('\n')
      return [...lines, `waits until ${told.expires_at}; another operator: accounts approve ${nameOf(told)}`].join('\n')
    }
  }
}

export function decideText(
  { told, first }: { readonly told: Told; readonly first: readonly ShownRow[] },
  dryRun: boolean,
) {
  const by = `by ${told.ended_by}, ${told.ended_at}`
  switch (told.answer) {
    case 'done': {
      const lines = [`${whatOf(told)}`, ...first.map(rowText), ...moreText(told, first)]
      return [...lines, dryRun ? 'would be done; nothing was changed: a dry run' : 'done'].join('\n')
    }
    case 'failed':
      if (told.faults === undefined) return `it failed before, ${by}; ask again`
      return [...told.faults.map(([line, fault]) => `line ${line}: ${fault}`), 'nothing was done; ask again'].join('\n')
    case 'done_before':
      return `done before, ${by}`
    case 'same_person':
      return 'not approved: you asked for it yourself'
    case 'expired':
    case 'expired_before':
      return 'not approved: it expired; ask again'
    case 'altered':
      return 'not approved: its rows are not those that were asked for. Somebody changed the database'
    case 'refused':
    case 'refused_before':
      return `refused ${by}`
    default:
      return 'no such request'
  }
}

export function listText(requests: readonly ListedRequest[]): string {
  if (requests.length === 0) return 'nothing waits'
  return requests
    .map((request) => {
      const end = request.ended_by === null ? `until ${request.expires_at.toISOString()}` : `by ${request.ended_by}`
      return `${nameOf(request)}  ${whatOf(request)}, asked for by ${request.requested_by}: ${request.state} ${end}`
    })
    .join('\n')
}

function whatOf({ action, row_count, sums_minor = {} }: Pick<Told, 'action' | 'row_count' | 'sums_minor'>): string {
  const sums = Object.entries(sums_minor).map(([currency, minor]) => `, ${minor} ${currency}`)
  return `${action} ${row_count} ${row_count === 1 ? 'row' : 'rows'}${sums.join('')}`
}

const rowText = ({ line, content }: ShownRow) =>
  `  line ${line}: ${Object.entries(content)
    .map(([column, value]) => `${column} ${value}`)
    .join(', ')}`

function moreText({ row_count = 0 }: Told, first: readonly ShownRow[]): readonly string[] {
  return row_count > first.length ? [`  … and ${row_count - first.length} more`] : []
}
