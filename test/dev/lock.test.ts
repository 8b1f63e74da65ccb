import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { lockDirectory } from '../../dev/lock.ts'

it('a directory that another process runs on is refused; one whose process is gone, or gave it back, is not', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'molam-lock-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  writeFileSync(join(dir, 'lock'), String(other.pid))
  expect(() => lockDirectory(dir)).toThrow(`process ${other.pid} runs on`)
  const gone = new Promise((resolve) => other.once('exit', resolve))
  other.kill('SIGKILL')
  await gone
  lockDirectory(dir)()
  lockDirectory(dir)()
})
