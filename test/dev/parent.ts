import { spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { endChildrenWithThisProcess } from '../../dev/children.ts'

/** A process with children: prints the id of each, and `started` when all are there. */
subscribe('child_process', (message) => {
  const { process: child } = message as { process: ReturnType<typeof spawn> }
  child.once('spawn', () => console.log(`child ${child.pid}`))
  child.once('exit', () => console.log(`ended ${child.pid}`))
})
const [dataDir] = process.argv.slice(2)
if (dataDir === undefined) {
  endChildrenWithThisProcess()
  // A child that does not go when it is asked to.
  const stays = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')"
  const child = spawn(process.execPath, ['-e', stays], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
} else {
  const { newSecrets } = await import('../../dev/secrets.ts')
  const { startStack } = await import('../../dev/stack.ts')
  await startStack({ dataDir, secrets: await newSecrets(), postgresSettings: { fsync: 'off' } })
}
console.log('started')
setInterval(() => undefined, 60_000)
