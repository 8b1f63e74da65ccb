import { type Amount, isNothing, sum } from './amount.ts'
import type { Line, Report } from './report.ts'

/**
 * RFC 4180. One row for what was received and posted, one for each difference, one for each bundle that is open, and two for
 * each sum that the edge has otherwise.
 */
export function csvOf(report: Report): string {
  const header = [
    'date',
    'country',
    'device_id',
    'type',
    'currency',
    'what',
    'why',
    'payments',
    'amount_minor',
    'bundles',
  ]
  const rows = report.lines.flatMap((line) => {
    const row = (what: string, why: string, { count, minor }: Amount) => [
      ...[line.deviceId, line.type, line.currency, what, why, count, minor, ''],
    ]
    return [
      row('received', '', line.received),
      row('posted', '', line.posted),
      ...line.differences.map((difference) => row('not_posted', difference.why, difference)),
      ...(isNothing(line.unexplained) ? [] : [row('unexplained', '', line.unexplained)]),
    ]
  })
  const open = report.open.map(({ deviceId, why, paymentsMax }) => [deviceId, '', '', 'open', why, paymentsMax, '', 1])
  const missing = report.devices.flatMap(({ deviceId, notArrived = 0 }) =>
    notArrived === 0 ? [] : [[deviceId, '', '', 'not_arrived', '', '', '', notArrived]],
  )
  const disagreeing = report.disagreements.flatMap(({ deviceId, currency, why = '', bundles, atEdge, here }) => [
    [deviceId, '', currency, 'admitted_at_edge', why, atEdge.count, atEdge.minor, bundles],
    [deviceId, '', currency, 'admitted_here', why, here.count, here.minor, bundles],
  ])
  return [header, ...[...rows, ...open, ...missing, ...disagreeing].map((row) => [report.date, report.country, ...row])]
    .map((row) => `${row.map(field).join(',')}\r\n`)
    .join('')
}

function field(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function textOf(report: Report): string {
  const { date, country, timeZone, lines, open, edge, devices } = report
  const out = [`${country} ${date} (${timeZone}): received at the edge, posted here`, '']
  for (const line of lines) out.push(...textOfLine(line))
  if (lines.length === 0) out.push('nothing was settled')
  for (const currency of [...new Set(lines.map((line) => line.currency))].sort()) {
    const own = lines.filter((line) => line.currency === currency)
    const [received, posted] = [sum(own.map((line) => line.received)), sum(own.map((line) => line.posted))]
    out.push('', `all ${currency}: received ${amount(received)}, posted ${amount(posted)}`)
  }
  if (open.length > 0) out.push('', `${open.length} bundles received and not settled:`)
  for (const { deviceId, bundleId, why, paymentsMax, inbox } of open) {
    out.push(`  ${deviceId}  ${bundleId}  up to ${paymentsMax} payments  ${why} (inbox ${inbox})`)
  }
  if (edge.asked) {
    const late = devices.filter(({ notArrived }) => notArrived !== 0)
    out.push('', `the edge counts ${devices.reduce((n, { atEdge = 0 }) => n + atEdge, 0)} bundles`)
    for (const { deviceId, notArrived = 0 } of late) {
      out.push(
        notArrived > 0
          ? `  ${deviceId}  ${notArrived} not here yet`
          : `  ${deviceId}  ${-notArrived} not in its read model yet`,
      )
    }
    for (const { deviceId, currency, bundles, bundleIds, atEdge, here, why } of report.disagreements) {
      const both = `${bundles} bundles, admitted ${amount(atEdge)} at the edge, ${amount(here)} here`
      const named = `${bundleIds.join(', ')}${bundles > bundleIds.length ? ' …' : ''}`
      out.push(`  ${deviceId}  ${currency}  ${both}: ${why ?? 'UNEXPLAINED'} (${named})`)
    }
  } else out.push('', `without the edge’s own count: ${edge.why}`)
  out.push(
    '',
    report.explained ? 'every difference is explained' : 'there are differences without a reason: run verify',
  )
  return out.join('\n')
}

function textOfLine({ deviceId, type, currency, received, posted, differences, unexplained }: Line): string[] {
  const out = [`${deviceId}  ${type}  ${currency}  received ${amount(received)}  posted ${amount(posted)}`]
  for (const difference of differences) out.push(`    ${difference.why}  ${amount(difference)}`)
  if (!isNothing(unexplained)) out.push(`    UNEXPLAINED  ${amount(unexplained)}`)
  return out
}

const amount = ({ count, minor }: Amount) => `${count} (${minor})`
