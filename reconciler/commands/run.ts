import { parseArgs } from 'node:util'
import { parseConfig } from '../config.ts'
import { openLog } from '../log.ts'
import { openReconciler } from '../run.ts'
import type { Command } from './command.ts'

export const run: Command = {
  summary: 'settle continuously until SIGTERM or SIGINT',
  help: `usage: run

RECORD_DATABASE_URL, SETTLE_DATABASE_URL and READ_DATABASE_URL, three logins; QUEUE_API_URL, CF_ACCOUNT_ID, QUEUE_ID, QUEUE_TOKEN and DLQ_ID; EDGE_URL and INTERNAL_HMAC_KEY; EDGE_KEYS and
KEY_WRAPPING_SECRET; METRICS_PORT for health and metrics. Logs are JSON lines on stdout. Outages are waited out; on a signal
the steps under way are finished first.`,

  async run(args, terminal) {
    parseArgs({ args: [...args], options: {} })
    const config = parseConfig(terminal.env)
    const log = openLog(config.logLevel)
    const { fetch, clock, random } = terminal
    const reconciler = await openReconciler(config, { fetch, clock, random, log })
    const stop = terminal.stopSignal()
    try {
      log.info('reconciler running')
      stop.addEventListener('abort', () => log.info('reconciler stopping'))
      await reconciler.run(stop)
      log.info('reconciler stopped')
      return 0
    } finally {
      await reconciler.close()
    }
  },
}
