import type pg from 'pg'
import { localKeys } from '../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../src/crypto/receipt-keys.ts'
import { HOUR_MS } from '../src/protocol/time.ts'
import { consentCodes } from './codes/code.ts'
import type { VerifierConfig } from './config.ts'
import { openPool } from './db.ts'
import { Liveness, serveHealth } from './health.ts'
import { faultOf, type Log } from './log.ts'
import { type GoOn, type Loop, runAll, Wakeup } from './loop.ts'
import { newVerifierMetrics } from './verifier-metrics.ts'
import type { Finding } from './verify/check.ts'
import { haltSettlement, reasonOf } from './verify/follow/halt.ts'
import { type Position, positionNow } from './verify/follow/new-rows.ts'
import { lookAtNew } from './verify/follow/round.ts'
import { verifyBook } from './verify/verify.ts'

/**
 * Beside the reconcilers, with a login that reads: looks at everything new once a second, and once after its start at the whole
 * book. What is wrong halts settlement, and is an alarm.
 *
 * It keeps nothing: after a crash it looks at everything again. A halt that could not be written is tried again with
 * what was found, because it goes on only after it.
 */
export interface Verifier {
  /** Works until the signal says stop. @throws InvalidConfig for what only a person can mend */
  run(signal: AbortSignal): Promise<void>
  /** Looks at what is new since the last round. @returns how many rows that were, and what was wrong */
  round(): Promise<{ readonly rows: number; readonly wrong: readonly Finding[] }>
  close(): Promise<void>
}

export interface VerifierSurroundings {
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
}

/** One for each loop, and for health and metrics. */
const CONNECTIONS_MAX = 3
const IDLE_MS = 1000
const EXAMPLES_MAX = 5
/** It reads the whole book, and opens every bundle. */
const WHOLE_MAX_MS = 24 * HOUR_MS
/** What has been looked at once is done. */
const WHOLE_IDLE_MS = HOUR_MS

/** @throws KeysUnavailable, InvalidConfig */
export async function openVerifier(config: VerifierConfig, around: VerifierSurroundings): Promise<Verifier> {
  const { clock, random, log } = around
  const lost = (error: Error) => log.warn({ fault: faultOf(error) }, 'database connection lost')
  const pool = openPool(config.login, lost, CONNECTIONS_MAX, config.databaseTimeoutMs)
  const keys = await localKeys(config.keys.edgeKeys, config.keys.wrappingSecret)
  const trusted = await trustedReceiptKeys(keys)
  const codes = await consentCodes(config.codeKeys)
  const metrics = newVerifierMetrics(pool)
  const liveness = new Liveness(clock)
  let position: Position | undefined
  let isWholeDone = false

  const alarm = async (wrong: readonly Finding[]) => {
    if (wrong.length === 0) return
    const reason = reasonOf(wrong)
    log.error({ checks: wrong.map(({ check }) => check), reason }, 'the book is wrong: settlement is halted')
    metrics.wrong(wrong)
    const halt = await haltSettlement(pool, reason)
    log.error({ halt }, 'settlement is halted')
  }
  const round = async () => {
    const { wrong, rows, next } = await inSnapshot(pool, async (client) => {
      position ??= await positionNow(client)
      return lookAtNew({ client, keys, trusted, codes, examplesMax: EXAMPLES_MAX }, position)
    })
    await alarm(wrong)
    position = next
    metrics.round(clock(), rows)
    return { wrong, rows }
  }
  const whole = async (goOn: GoOn) => {
    // What came before the first round; the rounds have the rest.
    if (isWholeDone || position === undefined) return 0
    const { findings } = await verifyBook({
      pool,
      evidence: { keys, codes },
      examplesMax: EXAMPLES_MAX,
      onProgress: () => void goOn(),
    })
    await alarm(findings.filter(({ found }) => found > 0))
    const unproven = findings.reduce((sum, one) => sum + (one.unproven ?? 0), 0)
    if (unproven > 0)
      log.error({ unproven }, 'consents by codes of a key that is not here: nobody can say whose word they are')
    metrics.unproven(unproven)
    isWholeDone = true
    return 0
  }

  return {
    round,
    async run(signal) {
      const [rounds, wholes] = [new Wakeup(), new Wakeup()]
      const follow = async () => {
        const isFirst = position === undefined
        await round()
        if (isFirst) wholes.wake()
        return 0
      }
      const loops: readonly Loop[] = [
        { name: 'follow', step: follow, wakeup: rounds, idleMs: IDLE_MS, wakes: [] },
        { name: 'whole', step: whole, wakeup: wholes, idleMs: WHOLE_IDLE_MS, wakes: [], silentMaxMs: WHOLE_MAX_MS },
      ]
      const watched = { pool, metrics, liveness, vital: 'follow' }
      const health = config.metricsPort === undefined ? undefined : await serveHealth(config.metricsPort, watched)
      if (health) log.info({ port: health.port }, 'health and metrics')
      try {
        await runAll(loops, {
          ...{ signal, log, random },
          observe: (name, _, count) => liveness.ended(name, count === undefined),
          alive: (name) => liveness.alive(name),
          gaveUp: (name) => liveness.gaveUp(name),
        })
      } finally {
        await health?.close()
      }
    },
    close: () => pool.end(),
  }
}

/** All that a round reads is of one moment. */
async function inSnapshot<T>(pool: pg.Pool, look: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let failed: Error | undefined
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const found = await look(client)
    await client.query('COMMIT')
    return found
  } catch (error) {
    failed = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    client.release(failed)
  }
}
