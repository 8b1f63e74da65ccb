import { parseArgs } from 'node:util'
import { parseVerifierConfig } from '../config.ts'
import { openLog } from '../log.ts'
import { openVerifier } from '../verifier.ts'
import type { Command } from './command.ts'

export const verifier: Command = {
  summary: 'check everything new within seconds until SIGTERM or SIGINT, and halt settlement when it is wrong',
  help: `usage: verifier

READ_DATABASE_URL; EDGE_KEYS and KEY_WRAPPING_SECRET to open the bundles; METRICS_PORT for health and metrics. Runs beside the
reconcilers, on a machine of its own if there is one. After its start it looks at the whole book once, as \`verify\` does. Logs are
JSON lines on stdout. What it finds wrong halts settlement, for all reconcilers: \`status\` shows why, two people \`resume\` it.`,

  async run(args, terminal) {
    parseArgs({ args: [...args], options: {} })
    const config = parseVerifierConfig(terminal.env)
    const log = openLog(config.logLevel)
    const { clock, random } = terminal
    const running = await openVerifier(config, { clock, random, log })
    const stop = terminal.stopSignal()
    try {
      log.info('verifier running')
      await running.run(stop)
      log.info('verifier stopped')
      return 0
    } finally {
      await running.close()
    }
  },
}
