import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrateD1 } from '../../dev/d1-migrations.ts'
import { type Edge, startEdge } from '../../dev/workerd.ts'

const configs = ['producer/wrangler.toml', '../../dev/queue/wrangler.toml'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
) as [string, string]
const logged: string[] = []
let edge: Edge
let persistTo: string

beforeAll(async () => {
  persistTo = await mkdtemp(join(tmpdir(), 'molam-edge-'))
  edge = await startEdge({
    configs,
    persistTo,
    vars: { GREETING: 'hello' },
    log: ({ message }) => logged.push(message),
  })
})
afterAll(async () => {
  await edge.dispose()
  await rm(persistTo, { recursive: true })
})

const get = async (path: string) => (await fetch(`${edge.url}${path}`)).text()
const notes = async () => (JSON.parse(await get('/notes')) as { note: string }[]).map(({ note }) => note)

test('variables are laid over those of the config', async () => {
  expect(await get('/greeting')).toBe('hello')
})

test('migrations are applied once, and wrangler sees them as applied', async () => {
  const database = await edge.miniflare.getD1Database('DB', 'producer')
  expect(await migrateD1(database, fileURLToPath(new URL('producer/migrations', import.meta.url)))).toEqual([])
  expect(await notes()).toEqual(['the first; of many'])
  await expect(database.prepare('UPDATE notes SET note = 1').run()).rejects.toThrow('append-only; add another')
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../node_modules/wrangler/bin/wrangler.js', import.meta.url)),
    ...['d1', 'migrations', 'list', 'producer', '--local', '--persist-to', persistTo, '--config', configs[0]],
  ])
  expect(stdout).toContain('No migrations to apply')
})

test('a migration that fails leaves nothing behind, not even its record', async () => {
  const database = await edge.miniflare.getD1Database('DB', 'producer')
  const directory = await mkdtemp(join(tmpdir(), 'molam-migrations-'))
  const file = join(directory, '0002_broken.sql')
  await writeFile(file, 'CREATE TABLE half (id INTEGER); INSERT INTO nowhere VALUES (1);')
  await expect(migrateD1(database, directory)).rejects.toThrow('nowhere')
  await writeFile(file, 'CREATE TABLE half (id INTEGER);')
  expect(await migrateD1(database, directory)).toEqual(['0002_broken.sql'])
  await rm(directory, { recursive: true })
})

test('a cron trigger is run on demand, its failure is reported, and what it logged is passed on', async () => {
  await edge.runScheduled('*/5 * * * *')
  expect(await notes()).toContain('*/5 * * * *')
  await expect(edge.runScheduled('fail')).rejects.toThrow('exception')
  await expect.poll(() => logged.join()).toContain('made to fail')
})

test('an evicted object loses its memory and keeps what it stored', async () => {
  await get('/count?name=a')
  expect(JSON.parse(await get('/count?name=a'))).toEqual({ inMemory: 2, stored: 2 })
  await edge.evict('Counter', { name: 'a' })
  expect(JSON.parse(await get('/count?name=a'))).toEqual({ inMemory: 1, stored: 3 })
})

test('the same port and state can be taken again after the runtime was stopped', async () => {
  const { port } = new URL(edge.url)
  await edge.dispose()
  await expect(get('/greeting')).rejects.toThrow()
  edge = await startEdge({ configs, persistTo, port: Number(port), vars: { GREETING: 'again' } })
  expect(new URL(edge.url).port).toBe(port)
  expect(await get('/greeting')).toBe('again')
  expect(await notes()).toContain('the first; of many')
})

test('a Worker that does not build is reported with what the bundler says', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'molam-broken-'))
  await writeFile(
    join(directory, 'wrangler.toml'),
    'name = "b"\nmain = "index.ts"\ncompatibility_date = "2026-10-01"\n',
  )
  await writeFile(join(directory, 'index.ts'), "import './missing.ts'\nexport default {}\n")
  await expect(startEdge({ configs: [join(directory, 'wrangler.toml'), configs[1]] })).rejects.toThrow('missing.ts')
  await rm(directory, { recursive: true })
})
