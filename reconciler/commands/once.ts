import { parseArgs } from 'node:util'
import type { Backlog } from '../backlog.ts'
import { parseConfig } from '../config.ts'
import { openLog } from '../log.ts'
import { openReconciler } from '../run.ts'
import type { Command } from './command.ts'

export const once: Command = {
  summary: 'settle until there is nothing left to do now, and show what is still waiting',
  help: `usage: once [--json]

  --json  one JSON document

Settings as for \`run\`. What is in a pause, or waits for something that has not come, is left for another time.`,

  async run(args, terminal) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } })
    const config = parseConfig(terminal.env)
    const { fetch, clock, random } = terminal
    const reconciler = await openReconciler(config, { fetch, clock, random, log: openLog(config.logLevel) })
    try {
      const backlog = await reconciler.once((done, left) => terminal.progress('messages', done, done + left))
      terminal.clear()
      terminal.print(values.json ? JSON.stringify(backlog) : text(backlog))
      return 0
    } finally {
      await reconciler.close()
    }
  },
}

const text = ({ pending, waiting, parked, resolutions, untold }: Backlog) =>
  [
    `${pending} messages left in the inbox, ${waiting} of them wait for something`,
    `${parked} parked for a person`,
    `${resolutions} resolutions of people not carried out`,
    `${untold} bundles, resolutions or devices that the edge has not been told the newest of`,
  ].join('\n')
