import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseVerifierConfig } from '../../../reconciler/config.ts'
import { openLog } from '../../../reconciler/log.ts'
import { openVerifier, type Verifier } from '../../../reconciler/verifier.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { EVENTUALLY, makeWorld, type World } from '../../reconciler/kit.ts'
import { useOperators } from '../../reconciler/operators.ts'
import { KINDS, planted } from './kinds.ts'
import { GATEWAY, once, scene } from './planted.ts'

/**
 * Wrong postings that somebody with a login of the database plants behind the reconciler's back. Each is found, and settlement
 * halted, whoever wrote it. The bound is what was planted: the time that it took is printed and not asserted.
 */
const db = useDatabase()
const people = useOperators(db, { anna: 'IN ROLE molam_operator', bo: 'IN ROLE molam_operator' })
let world: World
let verifier: Verifier
const stop = new AbortController()
let running: Promise<void>
beforeAll(async () => {
  world = await makeWorld(db(), GATEWAY)
  const log = openLog('silent')
  verifier = await openVerifier(parseVerifierConfig(world.env), { clock: Date.now, random: Math.random, log })
  running = verifier.run(stop.signal)
})
afterAll(async () => {
  stop.abort()
  await running
  await verifier.close()
  await world.close()
})

/** The reasons of the halt that stands. */
async function halted(): Promise<string> {
  const { rows } = await db().app.query(
    `SELECT coalesce(string_agg(l.detail ->> 'reason', E'\\n'), '') AS reasons FROM settlement_halts h
     JOIN offline_audit_logs l ON l.stream = 'settlement' AND (l.detail ->> 'halt')::bigint = h.halt_id
     WHERE h.ended_at IS NULL AND l.action = 'settlement_halted'`,
  )
  return rows[0].reasons
}

/** Two people let it go on. */
async function resume(): Promise<void> {
  const { rows } = await db().app.query('SELECT halt_id FROM settlement_halts WHERE ended_at IS NULL')
  for (const { halt_id } of rows) {
    for (const { url } of Object.values(people())) await once(url, "SELECT resume_settlement($1, 'test')", [halt_id])
  }
}

test.each(KINDS)('$what: found, and settlement halted', EVENTUALLY, async (kind) => {
  const set = await scene(world, db())
  expect(await halted()).toBe('')
  const { what, check } = kind
  const stood = await planted(kind, set)
  const plantedAt = performance.now()
  await expect.poll(halted, { ...EVENTUALLY, interval: 50 }).toContain(stood ? `${check}: ` : ': ')
  console.info(`found after ${Math.round(performance.now() - plantedAt)} ms: ${what}`)
  await expect(
    db().owner.query(`SELECT wallet_core.fund('late', '{1}', ARRAY[$1], '{1}', 'XOF', now())`, [set.payer]),
  ).rejects.toThrow('settlement is halted')
  await resume()
})
