import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { checkpoint } from '../../../reconciler/commands/checkpoint.ts'
import { verify } from '../../../reconciler/commands/verify.ts'
import { dailyCheckpoint, readCheckpoints } from '../../../reconciler/verify/checkpoint.ts'
import { checkpointKeys } from '../../../reconciler/verify/checkpoint-key.ts'
import type { Verification } from '../../../reconciler/verify/verify.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'
import { call, tamper } from './kit.ts'

const db = useDatabase()
let world: World
let dir: string
let settings: Record<string, string>
/** Of the device whose chain is tampered with: a record of its facts and one of each bundle. */
let stream: string
const BUNDLES = 4

beforeAll(async () => {
  world = await makeWorld(db())
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  dir = await mkdtemp(join(tmpdir(), 'molam-checkpoints-'))
  settings = { CHECKPOINT_FILE: join(dir, 'file.ndjson'), CHECKPOINT_KEY: JSON.stringify(await exportJWK(privateKey)) }
  const payer = newWallet()
  await db().open(payer, 1_000_000)
  for (let i = 0; i < 2; i++) {
    const device = await world.device()
    stream = `device:${device.id}`
    world.network.send(world.facts(device))
    for (let b = 0; b < BUNDLES; b++) world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  }
  await world.settle()
})
afterAll(async () => {
  await world.close()
  await rm(dir, { recursive: true, force: true })
})

const save = () => call(checkpoint, ['--json'], world, settings)
async function faults() {
  const { output } = await call(verify, ['--json'], world, settings)
  const { findings } = JSON.parse(output) as Verification
  return Object.fromEntries(findings.filter(({ found }) => found > 0).map((one) => [one.check, one.examples]))
}

beforeEach(async () => {
  await rm(settings['CHECKPOINT_FILE'] ?? '', { force: true })
  await tamper(db().ownerUrl, 'CREATE TABLE kept AS SELECT * FROM offline_audit_logs')
  expect((await save()).code).toBe(0)
})
afterEach(async () => {
  await tamper(
    db().ownerUrl,
    'TRUNCATE offline_audit_logs; INSERT INTO offline_audit_logs SELECT * FROM kept; DROP TABLE kept',
  )
})

/** The intruder makes the chain good again behind what he did: every hash anew, from the first record on. */
const rechain = () => `
  DO $$ DECLARE r offline_audit_logs; last bytea := ''; place bigint := 0; old bigint; BEGIN
    FOR r IN SELECT * FROM offline_audit_logs WHERE stream = '${stream}' ORDER BY seq LOOP
      place := place + 1; old := r.seq; r.seq := place; r.prev_hash := last; r.hash := offline_audit_hash(r); last := r.hash;
      UPDATE offline_audit_logs SET seq = r.seq, prev_hash = r.prev_hash, hash = r.hash
      WHERE stream = r.stream AND seq = old;
    END LOOP; END $$`
const of = () => `stream = '${stream}'`

test('untouched chains agree with their checkpoint', async () => {
  expect(await faults()).toEqual({})
  expect(await save().then(({ output }) => JSON.parse(output))).toMatchObject({ no: 2, streams_grown: 0 })
})

test.each([
  ['changed', () => `UPDATE offline_audit_logs SET actor = 'nobody' WHERE ${of()} AND seq = 2`],
  ['removed', () => `DELETE FROM offline_audit_logs WHERE ${of()} AND seq = 2`],
  [
    'reordered',
    () => `UPDATE offline_audit_logs SET seq = seq + 100 WHERE ${of()} AND seq IN (2, 3);
           UPDATE offline_audit_logs SET seq = 105 - seq WHERE ${of()} AND seq > 100`,
  ],
  [
    'inserted',
    () => `INSERT INTO offline_audit_logs SELECT stream, 99, at, actor, action, device_id, bundle_id, detail, hash, hash
           FROM offline_audit_logs WHERE ${of()} AND seq = 1`,
  ],
])('a record that was %s breaks its chain', async (_, sql) => {
  await tamper(db().ownerUrl, sql())
  expect(await faults()).toHaveProperty('audit_chain')
})

test('records cut off the end of a chain show against the checkpoint', async () => {
  await tamper(db().ownerUrl, `DELETE FROM offline_audit_logs WHERE ${of()} AND seq > 3`)
  const found = await faults()
  expect(found).not.toHaveProperty('audit_chain')
  expect(found['audit_checkpoints']).toContainEqual({ stream, seq: BUNDLES + 1, fault: 'missing' })
})

test('a whole stream that is gone shows against the checkpoint', async () => {
  await tamper(db().ownerUrl, `DELETE FROM offline_audit_logs WHERE ${of()}`)
  expect((await faults())['audit_checkpoints']).toContainEqual({ stream, seq: BUNDLES + 1, fault: 'missing' })
})

test('a chain that was made again, every hash of it right, shows against the checkpoint', async () => {
  await tamper(
    db().ownerUrl,
    `UPDATE offline_audit_logs SET detail = detail || '{"forged": true}' WHERE ${of()} AND seq = 2; ${rechain()}`,
  )
  const found = await faults()
  expect(found).not.toHaveProperty('audit_chain')
  expect(found['audit_checkpoints']).toContainEqual({ stream, seq: BUNDLES + 1, fault: 'another record' })
})

test('and still shows when it has grown and was seen by a later checkpoint', async () => {
  await tamper(
    db().ownerUrl,
    `UPDATE offline_audit_logs SET detail = detail || '{"forged": true}' WHERE ${of()} AND seq = 2; ${rechain()};
     SET LOCAL session_replication_role = origin;
     INSERT INTO offline_audit_logs (stream, at, actor, action, detail) VALUES ('${stream}', now(), 'x', 'y', '{}')`,
  )
  expect(JSON.parse((await save()).output)).toMatchObject({ no: 2, streams_grown: 1 })
  expect(await faults()).toMatchObject({ audit_checkpoints: [{ stream, seq: BUNDLES + 1, fault: 'another record' }] })
})

const lines = async () => (await readFile(settings['CHECKPOINT_FILE'] ?? '', 'utf8')).trimEnd().split('\n')
const write = (all: readonly string[]) => writeFile(settings['CHECKPOINT_FILE'] ?? '', `${all.join('\n')}\n`)

test.each([
  ['changed', (all: string[]) => all.map((line) => line.replace(/("payload":".{20})./, '$1A'))],
  ['removed from the front', (all: string[]) => all.slice(1)],
  ['removed from the middle', (all: string[]) => all.toSpliced(1, 1)],
  ['reordered', (all: string[]) => all.toReversed()],
  ['all gone', () => []],
])('lines of the file that were %s show', async (_, change) => {
  await save()
  await save()
  expect(await faults()).toEqual({})
  await write(change(await lines()))
  expect(await faults()).toHaveProperty('audit_checkpoints')
})

test('lines that somebody else signed are not believed, and nothing is added to them', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const forger = { ...settings, CHECKPOINT_KEY: JSON.stringify(await exportJWK(privateKey)) }
  await rm(settings['CHECKPOINT_FILE'] ?? '')
  await call(checkpoint, [], world, forger)
  expect((await faults())['audit_checkpoints']).toMatchObject([{ fault: 'line 1 does not verify' }])
  await expect(save()).rejects.toThrow('line 1 does not verify')
})

test('the public part of the key is enough to check, and not to sign', async () => {
  const { d: _, ...point } = JSON.parse(settings['CHECKPOINT_KEY'] ?? '')
  const auditor = { CHECKPOINT_FILE: settings['CHECKPOINT_FILE'], CHECKPOINT_PUBLIC_KEY: JSON.stringify(point) }
  expect((await call(verify, [], world, auditor)).code).toBe(0)
  await expect(call(checkpoint, [], world, { ...settings, CHECKPOINT_KEY: JSON.stringify(point) })).rejects.toThrow(
    'no private part',
  )
})

test('a running reconciler writes one checkpoint a day, also when it is started again', async () => {
  const { verify: key, sign } = await checkpointKeys(settings['CHECKPOINT_KEY'] ?? '')
  if (sign === undefined) throw new Error('no private part')
  let nowMs = Date.parse('2030-01-01T10:00:00Z')
  const file = join(dir, 'daily.ndjson')
  const step = () => dailyCheckpoint(db().app, file, { sign, verify: key }, () => nowMs)
  const first = step()
  expect([await first(), await first(), await step()()]).toEqual([1, 0, 0])
  nowMs += 13 * 3_600_000
  expect(await first()).toBe(0)
  nowMs += 3_600_000
  expect([await first(), await step()()]).toEqual([1, 0])
})

test('two reconcilers at midnight add one line between them, and the file stays whole', async () => {
  const keys = await checkpointKeys(settings['CHECKPOINT_KEY'] ?? '')
  const file = join(dir, 'shared.ndjson')
  const { verify: key, sign } = keys
  if (sign === undefined) throw new Error('no private part')
  const steps = Array.from({ length: 3 }, () =>
    dailyCheckpoint(db().app, file, { sign, verify: key }, () => 86_400_000),
  )
  const written = await Promise.all(steps.map((step) => step()))
  expect(written.toSorted()).toEqual([0, 0, 1])
  expect((await readCheckpoints(file, key)).lines).toBe(1)
})

test('a line whose writer died in the middle counts as not written, and the next one takes its place', async () => {
  await save()
  const [first, second] = await lines()
  await writeFile(settings['CHECKPOINT_FILE'] ?? '', `${first}\n${second?.slice(0, 200)}`)
  expect(await faults()).toEqual({})
  expect(JSON.parse((await save()).output)).toMatchObject({ no: 2 })
  expect(await faults()).toEqual({})
  expect(await lines()).toHaveLength(2)
})

test('a checkpoint of a clock that ran ahead does not end the checkpoints until then', async () => {
  const { verify: key, sign } = await checkpointKeys(settings['CHECKPOINT_KEY'] ?? '')
  if (sign === undefined) throw new Error('no private part')
  const file = join(dir, 'ahead.ndjson')
  const seen: number[] = []
  const at = (day: string) => Date.parse(`${day}T00:00:00Z`)
  const step = (day: string) =>
    dailyCheckpoint(
      db().app,
      file,
      { sign, verify: key },
      () => at(day),
      (atMs) => seen.push(atMs),
    )()
  expect([
    await step('2040-01-01'),
    await step('2030-01-01'),
    await step('2030-01-01'),
    await step('2030-01-02'),
  ]).toEqual([1, 1, 0, 1])
  expect(seen).toEqual([at('2040-01-01'), at('2030-01-01'), at('2030-01-01'), at('2030-01-02')])
})
