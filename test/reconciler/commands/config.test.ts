import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../../reconciler/commands/index.ts'
import { InvalidConfig, parseBookConfig } from '../../../reconciler/config.ts'
import { checkpointKeys } from '../../../reconciler/verify/checkpoint-key.ts'

const READ_DATABASE_URL = 'postgres://u:p@localhost/molam'

test('a command that reads the book needs no more than the database', () => {
  expect(parseBookConfig({ READ_DATABASE_URL })).toEqual({ login: { url: READ_DATABASE_URL, role: 'molam_read' } })
  expect(() => parseBookConfig({})).toThrow(new InvalidConfig('READ_DATABASE_URL is not set'))
  expect(() => parseBookConfig({ READ_DATABASE_URL }, 'record')).toThrow('RECORD_DATABASE_URL is not set')
})

test('a file of checkpoints without a key for it is refused', () => {
  expect(() => parseBookConfig({ READ_DATABASE_URL, CHECKPOINT_FILE: 'x' })).toThrow(
    'CHECKPOINT_FILE is set, and no key',
  )
})

test.each(['', '{}', '{"kty":"RSA"}', '{"kty":"EC","crv":"P-256","x":"s3cret","y":"s3cret"}'])(
  'a checkpoint key that is none is refused without being shown: %s',
  async (text) => {
    await expect(checkpointKeys(text)).rejects.toThrow(InvalidConfig)
    await expect(checkpointKeys(text)).rejects.not.toThrow(/s3cret/)
  },
)

const cli = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['reconciler/main.ts', ...args], { env: { PATH: process.env['PATH'] } })

test('help names every command, and each has its own', async () => {
  const { stdout } = await cli('--help')
  for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(`  ${name}`)
  for (const [name, { help }] of Object.entries(COMMANDS)) expect(help).toMatch(new RegExp(`^usage: ${name}`))
  // Asked for its help, a command does nothing else.
  expect((await cli('migrate', '--help')).stdout).toContain('usage: migrate')
})

test('exit code 2 for what is not called or not configured correctly', async () => {
  await expect(cli('release')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('usage: release') })
  await expect(cli('release', '--nonsense')).rejects.toMatchObject({ code: 2 })
  await expect(cli('verify')).rejects.toMatchObject({
    code: 2,
    stderr: 'configuration: READ_DATABASE_URL is not set\n',
  })
  for (const name of ['run', 'once', 'migrate']) {
    await expect(cli(name, '--dry-run')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--dry-run'),
    })
  }
  await expect(cli('constructor')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('usage:') })
})
