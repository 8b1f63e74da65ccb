import { KeysUnavailable } from '../src/crypto/key-provider.ts'
import { type Command, isInvalidCall } from './commands/command.ts'
import { COMMANDS } from './commands/index.ts'
import { processTerminal } from './commands/terminal.ts'
import { InvalidConfig, parseConfig, parseMigrationUrl } from './config.ts'
import { openLog } from './log.ts'
import { migrate } from './migrate.ts'
import { openReconciler } from './run.ts'

const USAGE = `usage: node reconciler/main.ts <command>

  run        settle continuously until SIGTERM or SIGINT
  once       settle until there is nothing left to do now, and print what is still waiting
  migrate    bring the ledger's schema to the newest version
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}

\`<command> --help\` says more. Exit codes: 0 done and in order, 1 not, 2 not called or configured correctly.
`

async function main([command = '', ...args]: readonly string[]): Promise<number> {
  const named = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
  if (command === '--help' || command === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  if (named !== undefined) return runNamed(named, args)
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

async function runNamed(command: Command, args: readonly string[]): Promise<number> {
  const terminal = processTerminal()
  if (args.includes('--help')) {
    terminal.print(command.help)
    return 0
  }
  try {
    return await command.run(args, terminal)
  } catch (error) {
    terminal.clear()
    if (!isInvalidCall(error)) throw error
    process.stderr.write(`${error.message}\n\n${command.help}\n`)
    return 2
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof InvalidConfig || error instanceof KeysUnavailable)) throw error
  console.error(`configuration: ${error.message}`)
  process.exitCode = 2
}
