import { expect, test } from 'vitest'
import { maskedWallet } from '../../../src/protocol/owner-wallet.ts'
import { tamper } from '../../reconciler/commands/kit.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { type Operator, useOperators } from '../../reconciler/operators.ts'

const db = useDatabase()
const people = useOperators(db, {
  awa: 'IN ROLE molam_operator',
  bintou: 'IN ROLE molam_operator',
  demba: 'IN ROLE molam_operator',
  root: 'SUPERUSER',
  maker: 'CREATEROLE IN ROLE molam_operator',
  machine: 'IN ROLE molam_operator, molam_settle',
})

type Row = Readonly<Record<string, string | number>>

const value = async <T>(who: Operator, call: string, values: readonly unknown[]): Promise<T> =>
  (await who.session.query<{ value: T }>(`SELECT ${call} AS value`, [...values])).rows[0]?.value as T

interface Told {
  readonly answer: string
  readonly request_id: number
  readonly digest: string
}

async function asked(who: Operator, action: string, rows: readonly Row[], reason?: string): Promise<Told> {
  const id = await value<number>(who, 'wallet_core.begin_account_request($1, $2)', [action, reason])
  await value(who, 'wallet_core.add_account_request_rows($1, $2, $3::jsonb[])', [
    id,
    rows.map((_, i) => i + 1),
    rows.map((row) => JSON.stringify(row)),
  ])
  return value<Told>(who, 'wallet_core.submit_account_request($1)', [id])
}
const approved = async (who: Operator, { request_id, digest }: Told) =>
  (await value<Told>(who, 'wallet_core.approve_account_request($1, $2)', [request_id, digest])).answer

let opened = 0
const account = (over: Row = {}): Row => ({
  ...{ wallet_id: `W-REQ-${++opened}`, kind: 'customer', currency: 'XOF', holder: `K-${opened}`, tenant: 'molam' },
  phone: `+2217700${String(opened).padStart(5, '0')}`,
  ...over,
})
const funding = (wallet: unknown, amount: number, reference = `slip-${++opened}`): Row => ({
  ...{ reference, wallet_id: wallet as string, amount_minor: String(amount), currency: 'XOF' },
})
const records = async (like = 'account_request_%') => {
  const { rows } = await db().app.query(
    "SELECT actor, action, detail FROM offline_audit_logs WHERE stream = 'accounts' AND action LIKE $1 ORDER BY seq DESC",
    [like],
  )
  return rows
}
const exists = async (wallet: unknown) =>
  (await db().app.query('SELECT FROM wallet_core.accounts WHERE wallet_id = $1', [wallet])).rowCount === 1

test('an account is opened when another person approves, with its holder, tenant and number', async () => {
  const { awa, bintou } = people()
  const row = account()
  const request = await asked(awa, 'open', [row])
  expect(request.answer).toBe('submitted')
  expect(await exists(row['wallet_id'])).toBe(false)
  expect(await approved(bintou, request)).toBe('done')
  const { rows } = await db().owner.query(
    `SELECT kind, currency, holder_id AS holder, tenant, phone FROM wallet_core.accounts
     JOIN wallet_core.account_holders USING (account_id) WHERE wallet_id = $1`,
    [row['wallet_id']],
  )
  const { wallet_id: _, ...facts } = row
  expect(rows).toEqual([facts])
  const [done, yes, made] = await records()
  expect(made).toMatchObject({ actor: `operator:${awa.name}`, action: 'account_request_made', detail: { rows: 1 } })
  expect(yes).toMatchObject({ actor: `operator:${bintou.name}`, action: 'account_request_approved' })
  expect(done).toMatchObject({ action: 'account_request_done', detail: { digest: request.digest } })
  expect((await records('account_held'))[0]).toMatchObject({
    actor: `operator:${awa.name} operator:${bintou.name}`,
    detail: { tenant: 'molam', phone: true },
  })
  const told = JSON.stringify([...(await records('%'))])
  for (const personal of [row['wallet_id'], row['holder'], row['phone']]) expect(told).not.toContain(personal)
})

test('whoever asked cannot approve, and that it was tried is on record', async () => {
  const { awa, bintou } = people()
  const row = account()
  const request = await asked(awa, 'open', [row])
  expect(await approved(awa, request)).toBe('same_person')
  expect(await exists(row['wallet_id'])).toBe(false)
  expect((await records())[0]).toMatchObject({
    ...{ actor: `operator:${awa.name}`, action: 'account_request_not_approved', detail: { why: 'same_person' } },
  })
  expect(await approved(bintou, request)).toBe('done')
})

test('approved by two at once, and again later, it is done once', async () => {
  const { awa, bintou, demba } = people()
  await db().open('W-TWICE')
  const request = await asked(awa, 'fund', [funding('W-TWICE', 500)])
  const answers = await Promise.all([approved(bintou, request), approved(demba, request)])
  expect(answers.sort()).toEqual(['done', 'done_before'])
  expect(await approved(demba, request)).toBe('done_before')
  expect(await db().balance('W-TWICE')).toBe(500)
})

test('a reference funds once: again it is nothing to do, for another amount or wallet it is refused', async () => {
  const { awa, bintou } = people()
  await db().open('W-REF')
  const row = funding('W-REF', 700, 'slip-once')
  expect(await approved(bintou, await asked(awa, 'fund', [row]))).toBe('done')
  expect((await asked(awa, 'fund', [row])).answer).toBe('nothing_to_do')
  await expect(asked(awa, 'fund', [{ ...row, amount_minor: '701' }])).rejects.toThrow(/1 rows of the request cannot/)
  // A new one beside it goes on, and the one that was done is left as it is.
  expect(await approved(bintou, await asked(awa, 'fund', [row, funding('W-REF', 1)]))).toBe('done')
  expect(await db().balance('W-REF')).toBe(701)
})

test('two requests under one reference: the second can no longer be done, and nothing of it is', async () => {
  const { awa, bintou } = people()
  await db().open('W-RACE')
  const first = await asked(awa, 'fund', [funding('W-RACE', 5, 'slip-race')])
  const second = await asked(awa, 'fund', [funding('W-RACE', 1), funding('W-RACE', 6, 'slip-race')])
  expect(await approved(bintou, first)).toBe('done')
  expect(await approved(bintou, second)).toBe('failed')
  expect(await db().balance('W-RACE')).toBe(5)
  expect((await records())[0]).toMatchObject({ action: 'account_request_failed', detail: { faults: 1 } })
  expect(await approved(bintou, second)).toBe('failed')
})

test('asked for twice, also at once, one request waits', async () => {
  const { awa, demba } = people()
  const row = account()
  const answers = await Promise.all([asked(awa, 'open', [row]), asked(demba, 'open', [row])])
  expect(answers.map(({ answer }) => answer).sort()).toEqual(['submitted', 'waiting'])
  expect(new Set(answers.map(({ request_id }) => request_id)).size).toBe(1)
})

test('after a day a request has expired: it is not done, and that is on record', async () => {
  const { awa, bintou } = people()
  const row = account()
  const request = await asked(awa, 'open', [row])
  await tamper(
    db().ownerUrl,
    `UPDATE wallet_core.account_requests SET expires_at = now() - interval '1 second' WHERE request_id = ${request.request_id}`,
  )
  expect(await approved(bintou, request)).toBe('expired')
  expect(await exists(row['wallet_id'])).toBe(false)
  expect((await records('account_request_expired'))[0]).toMatchObject({ detail: { request: request.request_id } })
  // The same may be asked for again.
  expect((await asked(awa, 'open', [row])).answer).toBe('submitted')
})

test('rows that somebody changed in the database are not carried out', async () => {
  const { awa, bintou } = people()
  await db().open('W-ALTERED')
  const request = await asked(awa, 'fund', [funding('W-ALTERED', 5)])
  await tamper(
    db().ownerUrl,
    `UPDATE wallet_core.account_request_rows SET content = content || '{"amount_minor": "5000"}' WHERE request_id = ${request.request_id}`,
  )
  expect(await approved(bintou, request)).toBe('altered')
  expect(await db().balance('W-ALTERED')).toBe(0)
})

test('a digest that is not the request’s approves nothing', async () => {
  const { awa, bintou } = people()
  const request = await asked(awa, 'open', [account()])
  for (const digest of ['00000000', request.digest.slice(0, 7), '', null]) {
    const told = await value<Told>(bintou, 'wallet_core.approve_account_request($1, $2)', [request.request_id, digest])
    expect(told.answer).toBe('unknown_request')
  }
})

test('what was refused can no longer be approved', async () => {
  const { awa, bintou, demba } = people()
  const request = await asked(awa, 'open', [account()])
  await value(demba, 'wallet_core.refuse_account_request($1, $2)', [request.request_id, request.digest])
  expect(await approved(bintou, request)).toBe('refused')
  expect((await records('account_request_refused'))[0]).toMatchObject({ actor: `operator:${demba.name}` })
})

test('a wallet is frozen and freed with a reason that names nobody', async () => {
  const { awa, bintou } = people()
  await db().open('W-COLD')
  const row = { wallet_id: 'W-COLD' }
  for (const reason of ['call +221 77 123 45 67', 'ask awa@example.org', 'see W-SN-C1', '']) {
    await expect(asked(awa, 'freeze', [row], reason)).rejects.toThrow(/cannot be done/)
  }
  const frozen = async () =>
    (await db().app.query("SELECT frozen FROM wallet_core.accounts WHERE wallet_id = 'W-COLD'")).rows[0].frozen
  expect(await approved(bintou, await asked(awa, 'freeze', [row], 'reported as stolen'))).toBe('done')
  expect(await frozen()).toBe(true)
  expect((await asked(awa, 'freeze', [row], 'reported as stolen')).answer).toBe('nothing_to_do')
  expect(await approved(awa, await asked(bintou, 'unfreeze', [row], 'found again'))).toBe('done')
  expect(await frozen()).toBe(false)
  expect((await records('account_changed'))[1]).toMatchObject({
    actor: `operator:${awa.name} operator:${bintou.name}`,
    detail: { frozen: true, reason: 'reported as stolen' },
  })
})

test('a tariff is set from a time to come, by two people', async () => {
  const { awa, bintou } = people()
  const tariff = (effective_from: string) => ({
    ...{ country: 'BJ', type: 'cashout', currency: 'XOF', flat_minor: '25', basis_points: '100', bearer: 'payer' },
    effective_from,
  })
  await expect(asked(awa, 'tariff', [tariff('2020-01-01T00:00:00.000Z')])).rejects.toThrow(/cannot be done/)
  expect(await approved(bintou, await asked(awa, 'tariff', [tariff('2099-01-01T00:00:00.000Z')]))).toBe('done')
  const { rows } = await db().app.query("SELECT flat_minor, bearer FROM offline_fee_rules WHERE country = 'BJ'")
  expect(rows).toEqual([{ flat_minor: 25, bearer: 'payer' }])
  const { rows: on } = await db().app.query("SELECT actor FROM offline_audit_logs WHERE stream = 'fees:BJ'")
  expect(on).toEqual([{ actor: `operator:${awa.name} operator:${bintou.name}` }])
})

test.each([
  ['a system account', { kind: 'system' }, 'invalid_kind'],
  ['a name of the system’s', { wallet_id: 'system:treasury:XAF' }, 'reserved_wallet'],
  ['no holder', { holder: '' }, 'invalid_holder'],
  ['no tenant', { tenant: '' }, 'invalid_tenant'],
  ['a national number', { phone: '771234567' }, 'invalid_phone'],
  ['a wallet with a space', { wallet_id: 'W 1' }, 'invalid_wallet'],
])('%s is not opened', async (_, over, fault) => {
  const { awa } = people()
  const id = await value<number>(awa, "wallet_core.begin_account_request('open', NULL)", [])
  await value(awa, 'wallet_core.add_account_request_rows($1, ARRAY[7], ARRAY[$2]::jsonb[])', [
    ...[id, JSON.stringify(account(over))],
  ])
  const { rows } = await awa.session.query('SELECT * FROM wallet_core.check_account_request($1)', [id])
  expect(rows).toEqual([{ line: 7, fault }])
})

test.each([
  ['nothing', '0', 'invalid_amount'],
  ['less than nothing', '-5', 'invalid_amount'],
  ['a fraction', '1.5', 'invalid_amount'],
  ['more than any number is', '9'.repeat(30), 'invalid_amount'],
])('%s is no funding', async (_, amount, fault) => {
  const { awa } = people()
  await db().open('W-AMOUNTS')
  const id = await value<number>(awa, "wallet_core.begin_account_request('fund', NULL)", [])
  await value(awa, 'wallet_core.add_account_request_rows($1, ARRAY[1], ARRAY[$2]::jsonb[])', [
    ...[id, JSON.stringify({ ...funding('W-AMOUNTS', 1), amount_minor: amount })],
  ])
  const { rows } = await awa.session.query('SELECT * FROM wallet_core.check_account_request($1)', [id])
  expect(rows).toEqual([{ line: 1, fault }])
})

test('a request brings in 100 000 000 at most, also in many rows', async () => {
  const { awa } = people()
  await db().open('W-MUCH')
  expect((await asked(awa, 'fund', [funding('W-MUCH', 100_000_000)])).answer).toBe('submitted')
  const rows = [funding('W-MUCH', 60_000_000), funding('W-MUCH', 40_000_001)]
  expect((await asked(awa, 'fund', rows)).answer).toBe('too_much_money')
})

test('rows go into no request of somebody else, and into none that was submitted', async () => {
  const { awa, bintou } = people()
  const id = await value<number>(awa, "wallet_core.begin_account_request('open', NULL)", [])
  const add = 'wallet_core.add_account_request_rows($1, ARRAY[2], ARRAY[$2]::jsonb[])'
  await expect(value(bintou, add, [id, JSON.stringify(account())])).rejects.toThrow(/no request of yours/)
  const { request_id } = await asked(awa, 'open', [account()])
  await expect(value(awa, add, [request_id, JSON.stringify(account())])).rejects.toThrow(/no request of yours/)
})

test('a login that is nobody’s own is refused: superusers, makers of logins, processes', async () => {
  const { root, maker, machine } = people()
  for (const who of [root, maker, machine]) {
    await expect(asked(who, 'open', [account()])).rejects.toThrow(/no operator's own|permission denied/)
  }
})

test('who it is cannot be changed from inside a session', async () => {
  const { awa, bintou } = people()
  await expect(awa.session.query(`SET SESSION AUTHORIZATION ${bintou.name}`)).rejects.toThrow(/permission denied/)
  await expect(awa.session.query(`SET ROLE ${bintou.name}`)).rejects.toThrow(/permission denied/)
})

test('an operator can call what asks, decides and shows, and nothing else that changes anything', async () => {
  const { rows } = await people().awa.session.query(`
    SELECT p.oid::regproc::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('public', 'wallet_core') AND (p.prosecdef OR p.provolatile = 'v')
      AND p.prorettype <> 'trigger'::regtype AND has_function_privilege('molam_operator', p.oid, 'EXECUTE')
    ORDER BY name`)
  expect(rows.map(({ name }) => name)).toEqual([
    ...['halt_settlement', 'resume_settlement'],
    ...['wallet_core.add_account_request_rows', 'wallet_core.approve_account_request'],
    ...['wallet_core.begin_account_request', 'wallet_core.check_account_request'],
    ...['wallet_core.refuse_account_request', 'wallet_core.show_account', 'wallet_core.show_account_request'],
    'wallet_core.submit_account_request',
  ])
  for (const sql of [
    "SELECT wallet_core.open_account('mine', 'XOF', 'customer', 'me', 'molam')",
    "SELECT wallet_core.fund('x', ARRAY[1]::bigint[], ARRAY['W-MUCH'], ARRAY[5]::bigint[], 'XOF', now())",
    "SELECT wallet_core.set_frozen('W-MUCH', true, 'me', 'spite')",
    'SELECT wallet_core.execute_account_request(r) FROM wallet_core.account_requests r',
    "UPDATE wallet_core.account_requests SET ended_as = 'done'",
    "INSERT INTO wallet_core.account_requests (action, requested_by, requested_at) VALUES ('open', 'bintou', now())",
    'SELECT * FROM wallet_core.account_request_rows',
    'SELECT * FROM wallet_core.account_holders',
    'SELECT * FROM wallet_core.accounts',
  ]) {
    await expect(people().awa.session.query(sql), sql).rejects.toThrow(/permission denied/)
  }
})

test('the reconciler’s login sees of a holder the tenant alone, and may ask for nothing', async () => {
  await expect(db().app.query('SELECT account_id, tenant FROM wallet_core.account_holders')).resolves.toBeDefined()
  for (const sql of [
    'SELECT holder_id FROM wallet_core.account_holders',
    'SELECT phone FROM wallet_core.account_holders',
    "SELECT wallet_core.begin_account_request('open', NULL)",
    "SELECT wallet_core.approve_account_request(1, '00000000')",
    'SELECT * FROM wallet_core.account_request_rows',
  ]) {
    await expect(db().app.query(sql), sql).rejects.toThrow(/permission denied/)
  }
})

test('an ended request stays as it ended', async () => {
  for (const sql of [
    "UPDATE wallet_core.account_requests SET ended_as = 'refused' WHERE ended_as = 'done'",
    "UPDATE wallet_core.account_requests SET requested_by = 'nobody'",
    'DELETE FROM wallet_core.account_requests',
    'DELETE FROM wallet_core.account_request_rows',
  ]) {
    await expect(db().owner.query(sql), sql).rejects.toThrow(/append-only/)
  }
})

test('an account or a request is shown masked; in the open it is on record', async () => {
  const { awa, bintou } = people()
  const row = account()
  const request = await asked(awa, 'open', [row])
  const rowsShown = async (unmasked: boolean) =>
    (
      await bintou.session.query('SELECT * FROM wallet_core.show_account_request($1, 5, $2)', [
        ...[request.request_id, unmasked],
      ])
    ).rows[0].content
  const seen = async (unmasked: boolean) =>
    value<Row>(bintou, 'wallet_core.show_account($1, $2)', [row['wallet_id'], unmasked])
  expect(await rowsShown(false)).toMatchObject({ phone: `***${String(row['phone']).slice(-3)}`, kind: 'customer' })
  expect(await records('account_request_shown')).toEqual([])
  expect(await rowsShown(true)).toEqual(row)
  expect(await records('account_request_shown')).toMatchObject([{ actor: `operator:${bintou.name}` }])
  await approved(bintou, request)
  expect(await seen(false)).toMatchObject({ tenant: 'molam', holder: expect.stringMatching(/^\*\*\*/) })
  expect(await records('account_shown')).toEqual([])
  expect(await seen(true)).toMatchObject({ holder: row['holder'], phone: row['phone'] })
  expect(await records('account_shown')).toMatchObject([{ actor: `operator:${bintou.name}` }])
})

test('edge and ledger mask a wallet alike', async () => {
  for (const wallet of ['+221771234567', 'W-SN-M01', 'W-SN-M1', 'x']) {
    const { rows } = await db().owner.query('SELECT wallet_core.masked($1) AS masked', [wallet])
    expect(rows).toEqual([{ masked: maskedWallet(wallet) }])
  }
})
