import { parseArgs } from 'node:util'
import { isCountry } from '../../src/protocol/policy.ts'
import { parseBookConfig } from '../config.ts'
import { edgeReceived, noEdge } from '../report/edge-received.ts'
import { csvOf, textOf } from '../report/formats.ts'
import { makeReport, UnknownCountry } from '../report/report.ts'
import { type Command, InvalidCall, withPool } from './command.ts'

const FORMATS = ['text', 'json', 'csv'] as const

export const report: Command = {
  summary: 'what the edge received on a day against what was posted, with the reasons for each difference',
  help: `usage: report --date <YYYY-MM-DD> --country <CC> [--format text|json|csv | --json]

The day is that of the country's own calendar, by the time of the receipts. Amounts are minor units.
READ_DATABASE_URL; with EDGE_URL and INTERNAL_HMAC_KEY each bundle of the edge's own
read model is held against the book. Exit 1 when a difference has no reason: "not yet" is one until a day after the day.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        date: { type: 'string' },
        country: { type: 'string' },
        format: { type: 'string', default: 'text' },
        json: { type: 'boolean', default: false },
      },
    })
    const format = FORMATS.find((known) => known === (values.json ? 'json' : values.format))
    if (format === undefined) throw new InvalidCall(`--format is one of ${FORMATS.join(', ')}`)
    const { date, country } = values
    if (!isCalendarDay(date)) throw new InvalidCall('--date is a day, as YYYY-MM-DD')
    if (!isCountry(country)) throw new InvalidCall('--country is an ISO 3166 code, as SN')
    const config = parseBookConfig(terminal.env)
    const edge = config.edge ? await edgeReceived(config.edge, terminal.fetch, terminal.clock) : noEdge
    try {
      const made = await withPool(config.login, (pool) =>
        makeReport(pool, date, country, edge, terminal.clock(), (bundles) =>
          terminal.progress('bundles of the edge', bundles, bundles),
        ),
      )
      terminal.clear()
      terminal.print({ text: textOf, csv: csvOf, json: JSON.stringify }[format](made).trimEnd())
      return made.explained ? 0 : 1
    } catch (error) {
      if (error instanceof UnknownCountry) throw new InvalidCall(error.message)
      throw error
    }
  },
}

function isCalendarDay(text: string | undefined): text is string {
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const atMs = Date.parse(`${text}T00:00:00Z`)
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(text)
}
