import { parseArgs } from 'node:util'
import { parseMigrationUrl } from '../config.ts'
import { migrate as applyMigrations } from '../migrate.ts'
import type { Command } from './command.ts'

export const migrate: Command = {
  summary: 'bring the ledger’s schema to the newest version',
  help: `usage: migrate [--json]

  --json  one JSON document

MIGRATION_DATABASE_URL, as the owner of the schema. Any number of processes may do it at once: one migrates, the others find
nothing to do. Refused when a file that was applied has changed since.`,

  async run(args, terminal) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } })
    const applied = await applyMigrations(parseMigrationUrl(terminal.env), (file, done, total) =>
      terminal.progress(file, done, total),
    )
    terminal.clear()
    const lines = applied.map((name) => `applied ${name}`)
    terminal.print(values.json ? JSON.stringify({ applied }) : lines.join('\n') || 'nothing to migrate')
    return 0
  },
}
