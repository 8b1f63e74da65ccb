import { KeysUnavailable } from '../src/crypto/key-provider.ts'
import { InvalidConfig, parseConfig, parseMigrationUrl } from './config.ts'
import { openLog } from './log.ts'
import { migrate } from './migrate.ts'
import { openReconciler } from './run.ts'

const USAGE = `usage: node reconciler/main.ts <command>

  run      settle continuously until SIGTERM or SIGINT
  once     settle until there is nothing left to do now, and print what is still waiting
  migrate  bring the ledger's schema to the newest version
`

/** Exit codes: 0 done, 1 failed, 2 not called or configured correctly. */
async function main(command: string | undefined): Promise<number> {
  switch (command) {
    case 'migrate': {
      const applied = await migrate(parseMigrationUrl(process.env))
      console.log(applied.length === 0 ? 'nothing to migrate' : applied.map((name) => `applied ${name}`).join('\n'))
      return 0
    }
    case 'run':
    case 'once': {
      const config = parseConfig(process.env)
      const log = openLog(config.logLevel)
      const reconciler = await openReconciler(config, { fetch, clock: Date.now, random: Math.random, log })
      try {
        if (command === 'once') {
          console.log(JSON.stringify(await reconciler.once()))
          return 0
        }
        const stop = new AbortController()
        for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
        log.info('reconciler running')
        await reconciler.run(stop.signal)
        log.info('reconciler stopped')
        return 0
      } finally {
        await reconciler.close()
      }
    }
    default:
      process.stderr.write(USAGE)
      return 2
  }
}

try {
  process.exitCode = await main(process.argv[2])
} catch (error) {
  if (!(error instanceof InvalidConfig || error instanceof KeysUnavailable)) throw error
  console.error(`configuration: ${error.message}`)
  process.exitCode = 2
}
