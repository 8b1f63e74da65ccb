import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPool, UnguardedSession } from '../../../reconciler/db.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, throughWire, type World } from '../kit.ts'
import { forgetfulPooler } from './pooler.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

const ALL = ['options', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']

test.each(['run', 'status'])(
  '`%s` behind a pooler that drops startup parameters stops, and says which',
  async (command) => {
    const pooler = await forgetfulPooler(db().logins.record, ALL)
    const env = throughWire(world.env, pooler.url)
    const called = promisify(execFile)(process.execPath, ['reconciler/main.ts', command], { env })
    await expect(called).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^configuration: a database session is not as it was asked for: current_user is \w+ and not molam_\w+, .*statement_timeout is 0 and not 30000/,
      ),
    })
    await pooler.close()
  },
)

test.each([
  [
    'options',
    /current_user is record and not molam_record, other_roles is molam_record and not none, synchronous_commit is off and not on;/,
  ],
  ['statement_timeout', /for: statement_timeout is 0 and not 30000;/],
  ['lock_timeout', /for: lock_timeout is 0 and not 10000;/],
  ['idle_in_transaction_session_timeout', /for: idle_in_transaction_session_timeout is 0 and not 30000;/],
])('a session that came without its %s is never used', async (parameter, fault) => {
  const pooler = await forgetfulPooler(db().logins.record, [parameter])
  const pool = openPool({ url: pooler.url, role: 'molam_record' }, () => undefined)
  const asked = pool.query('SELECT 1')
  await expect(asked).rejects.toThrow(UnguardedSession)
  await expect(asked).rejects.toThrow(fault)
  await pool.end()
  await pooler.close()
})
