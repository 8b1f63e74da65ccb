import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { lockDirectory, lockHolder } from '../../dev/lock.ts'
import { checkState, takePlace } from '../../dev/place.ts'

const DEV = join(import.meta.dirname, '../../dev')

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'molam-lock-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

/** Another process that runs this and then stays. */
async function other(code: string) {
  const child = spawn(process.execPath, ['-e', `${code}; console.log('done'); setInterval(() => {}, 1000)`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return {
    pid: child.pid,
    async kill() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

it('a directory that another process runs on is refused; one whose process is gone, or gave it back, is not', async () => {
  const dir = directory()
  const holder = await other(`require('${DEV}/lock.ts').lockDirectory('${dir}')`)
  expect(lockDirectory(dir)).toBeUndefined()
  expect(lockHolder(dir)).toBe(String(holder.pid))
  await holder.kill()
  lockDirectory(dir)?.()
  const again = lockDirectory(dir)
  expect(again).toBeDefined()
  again?.()
})

it('two npm start at once have a directory and ports each, and a third one that is not there says what to do', async () => {
  const root = directory()
  const first = await other(`require('${DEV}/place.ts').takePlace('${root}')`)
  const second = takePlace(root)
  expect(second).toMatchObject({ dataDir: join(root, '.data-2'), ports: { edge: 8797, postgres: 54339 } })
  await first.kill()
  const third = takePlace(root)
  expect(third).toMatchObject({ dataDir: join(root, '.data'), ports: { edge: 8787, postgres: 54329 } })
  expect(Object.values(third.ports).filter((port) => Object.values(second.ports).includes(port))).toEqual([])

  const rest = [takePlace(root), takePlace(root), takePlace(root)]
  expect(() => takePlace(root)).toThrow(/^5 of these run here already: stop one of the processes [\d, ]+ first$/)
  for (const place of [second, third, ...rest]) place.leave()
})

it('state that other migrations made is refused with the way out, and cleared on request', () => {
  const root = directory()
  for (const part of ['migrations', 'durable-objects'])
    cpSync(join(DEV, '..', part), join(root, part), { recursive: true })
  const place = takePlace(root)
  onTestFinished(place.leave)
  checkState(root, place, false)
  checkState(root, place, false)
  writeFileSync(join(root, 'migrations/ledger/001.do.roles.sql'), '-- changed in place')
  expect(() => checkState(root, place, false)).toThrow(
    '.data was made by another version of the code: npm start -- --reset clears it',
  )
  checkState(root, place, true)
  checkState(root, place, false)
  rmSync(join(place.dataDir, 'layout'))
  writeFileSync(join(place.dataDir, 'till.json'), '{}')
  expect(() => checkState(root, place, false)).toThrow('another version of the code')
})
