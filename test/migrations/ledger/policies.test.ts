import { expect, test } from 'vitest'
import { COUNTRIES } from '../../../src/protocol/policy.ts'
import { useDatabase } from '../../reconciler/database.ts'

const db = useDatabase()

test('every country has a first policy with the defaults of the product', async () => {
  const { rows } = await db().app.query('SELECT * FROM offline_policies ORDER BY country')
  expect(rows.map(({ country }) => country)).toEqual([...COUNTRIES].sort())
  expect(rows[0]).toMatchObject({
    country: 'BF',
    version: 1,
    enabled: true,
    currency: 'XOF',
    max_offline_amount: 100_000,
    max_offline_per_device_per_day: 50,
    max_offline_value_per_device_per_day: 500_000,
    require_payer_proof_above: 10_000,
    require_agent_approval_above: 50_000,
    require_manual_review_above: 75_000,
    allowed_methods: ['wallet', 'qr', 'ussd'],
    max_bundle_age_hours: 72,
    max_clock_skew_minutes: 30,
    max_relay_hours: 24,
    accept_below_score: 0.15,
    quarantine_above_score: 0.35,
    max_days_since_sync: 4,
    person_daily_value: 200_000,
    max_offline_value_between_syncs: 750_000,
    mandate_payment_max: 2_000,
    mandate_day_max: 5_000,
    allowance_max: 50_000,
  })
})

test('the newest version of a policy is in force', async () => {
  await db().app.query(
    "INSERT INTO offline_policies (country, version, time_zone, enabled, signed) VALUES ('BJ', 2, 'Africa/Porto-Novo', false, '\\xd2')",
  )
  const { rows } = await db().app.query("SELECT version, enabled FROM get_offline_policy('BJ')")
  expect(rows).toEqual([{ version: 2, enabled: false }])
  expect((await db().app.query("SELECT * FROM get_offline_policy('XX')")).rows).toEqual([])
})

test('a version after the first is what somebody signed; the first is signed by nobody', async () => {
  const insert = 'INSERT INTO offline_policies (country, version, time_zone, signed) VALUES ($1, $2, $3, $4)'
  const check = /offline_policies_check/
  await expect(db().app.query(insert, ['BJ', 3, 'Africa/Porto-Novo', null])).rejects.toThrow(check)
  await expect(db().app.query(insert, ['XX', 1, 'UTC', Buffer.of(0xd2)])).rejects.toThrow(check)
})

test('daily limits count payments and value of the day, per currency', async () => {
  const allowed = async (count: number, value: number, day = '2026-11-22', country = 'SN') => {
    const args = [country, 'POS-1', day, 'XOF', count, value]
    const { rows } = await db().app.query('SELECT check_device_daily_limits($1, $2, $3, $4, $5, $6) AS ok', args)
    return rows[0].ok
  }
  const did = (count: number, value: number) => {
    const amounts = Array.from({ length: count }, (_, i) => (i === 0 ? value - count + 1 : 1))
    const same = (text: string) => amounts.map(() => text)
    return db().owner.query('SELECT record_device_activity($1, $2, $3, $4)', [
      ...[same('POS-1'), same('2026-11-22'), same('XOF')],
      amounts,
    ])
  }
  expect(await allowed(50, 500_000)).toBe(true)
  await did(48, 100_000)
  await did(1, 300_000)
  expect(await allowed(1, 100_000)).toBe(true)
  expect(await allowed(2, 1)).toBe(false)
  expect(await allowed(1, 100_001)).toBe(false)
  expect(await allowed(50, 500_000, '2026-11-23')).toBe(true)
  expect(await allowed(1, 1, '2026-11-23', 'XX')).toBe(false)
  expect(await allowed(1, 1, '2026-11-23', 'BJ')).toBe(false)
})
