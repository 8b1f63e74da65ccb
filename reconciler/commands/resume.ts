import { parseArgs } from 'node:util'
import { asOperator } from '../operator-session.ts'
import { type Command, InvalidCall, positiveInteger } from './command.ts'

export const resume: Command = {
  summary: 'say that settlement may go on after a halt; it does when a second person says so too',
  help: `usage: resume --halt <n> --reason <text> [--json]

  --halt <n>       the halt, as \`status\` shows it
  --reason <text>  what was wrong and what was done about it, for the audit log; nothing personal
  --json           one JSON document

OPERATOR_DATABASE_URL: your own login, a member of the role molam_operator. The same login twice counts once. Exit 1 while the
second person is missing.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { halt: { type: 'string' }, reason: { type: 'string' }, json: { type: 'boolean', default: false } },
    })
    if (values.halt === undefined) throw new InvalidCall('--halt <n>')
    if (values.reason === undefined || values.reason.trim() === '') throw new InvalidCall('--reason <text>')
    const halt = positiveInteger(values.halt, '--halt')
    const { rows } = await asOperator(terminal.env, (client) =>
      client.query<{ resumed: boolean }>('SELECT resume_settlement($1, $2) AS resumed', [halt, values.reason]),
    )
    const resumed = rows[0]?.resumed === true
    const text = resumed ? 'settlement goes on' : 'a second person has to say so too'
    terminal.print(values.json ? JSON.stringify({ halt, resumed }) : text)
    return resumed ? 0 : 1
  },
}
