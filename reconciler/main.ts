import { KeysUnavailable } from '../src/crypto/key-provider.ts'
import { isInvalidCall } from './commands/command.ts'
import { COMMANDS } from './commands/index.ts'
import { processTerminal } from './commands/terminal.ts'
import { InvalidConfig } from './config.ts'

const USAGE = `usage: npm run reconciler -- <command>

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}

\`<command> --help\` says more. Exit codes: 0 done and in order, 1 not, 2 not called or configured correctly.
`

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  if (name === '--help' || name === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    process.stderr.write(USAGE)
    return 2
  }
  const terminal = processTerminal()
  if (args.includes('--help')) {
    terminal.print(command.help)
    return 0
  }
  try {
    return await command.run(args, terminal)
  } catch (error) {
    terminal.clear()
    if (error instanceof InvalidConfig || error instanceof KeysUnavailable) {
      process.stderr.write(`configuration: ${error.message}\n`)
      return 2
    }
    if (!isInvalidCall(error)) throw error
    process.stderr.write(`${error.message}\n\n${command.help}\n`)
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
