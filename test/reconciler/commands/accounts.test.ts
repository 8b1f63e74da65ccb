import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accounts } from '../../../reconciler/commands/accounts.ts'
import { verify } from '../../../reconciler/commands/verify.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, type World } from '../kit.ts'
import { useOperators } from '../operators.ts'
import { call, tamper } from './kit.ts'

const db = useDatabase()
const people = useOperators(db, { awa: 'IN ROLE molam_operator', bintou: 'IN ROLE molam_operator', nobody: '' })
let world: World
let dir: string
beforeAll(async () => {
  world = await makeWorld(db())
  dir = await mkdtemp(join(tmpdir(), 'molam-accounts-'))
})
afterAll(async () => {
  await world.close()
  await rm(dir, { recursive: true, force: true })
})

type Person = 'awa' | 'bintou' | 'nobody'
const run = (who: Person, ...args: readonly string[]) =>
  call(accounts, args, world, { OPERATOR_DATABASE_URL: people()[who].url })
const json = async <T>(who: Person, ...args: readonly string[]): Promise<T> =>
  JSON.parse((await run(who, ...args, '--json')).output) as T

async function file(name: string, lines: readonly string[]): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, lines.join('\n'))
  return path
}
const HEADER = 'wallet_id,kind,currency,holder,tenant,phone'
const market = (count: number, prefix: string) =>
  Array.from(
    { length: count },
    (_, i) => `${prefix}${i},customer,XOF,K-${prefix}${i},molam,+22177${String(i).padStart(7, '0')}`,
  )
/** How a request is named in what was printed. */
const named = (output: string) => /\d+-[0-9a-f]{8}/.exec(output)?.[0] ?? 'none'
const count = async (table: string, where = 'true') =>
  (await db().owner.query(`SELECT count(*)::int AS n FROM ${table} WHERE ${where}`)).rows[0].n
const state = async () => [
  await count('wallet_core.accounts'),
  await count('wallet_core.account_requests'),
  await count('wallet_core.account_request_rows'),
  await count('offline_audit_logs'),
]

test('one person asks for an account, another approves, and it is there', async () => {
  const facts = ['--kind', 'merchant', '--holder', 'K-1', '--tenant', 'molam', '--phone', '+221771234567']
  const asked = await run('awa', 'open', 'W-SHOP-000001', ...facts)
  expect(asked.code).toBe(0)
  expect(asked.output).toContain('another operator: accounts approve')
  // Of the wallet, its holder and the number only the end is shown.
  expect(asked.output).toContain('***001')
  expect(asked.output).not.toContain('1771234')
  const request = named(asked.output)
  expect((await run('bintou', 'requests')).output).toContain(
    `${request}  open 1 row, asked for by ${people().awa.name}: waiting`,
  )
  expect(await run('awa', 'approve', request)).toMatchObject({
    code: 1,
    output: 'not approved: you asked for it yourself',
  })
  expect(await run('bintou', 'approve', request)).toMatchObject({ code: 0, output: expect.stringMatching(/done$/) })
  expect(await run('bintou', 'approve', request)).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^done before/),
  })
  expect(await run('bintou', 'requests')).toMatchObject({ output: 'nothing waits' })
  expect(await json('awa', 'show', 'W-SHOP-000001')).toMatchObject({
    tenant: 'molam',
    kind: 'merchant',
    phone: '***567',
  })
  expect(await json('awa', 'show', 'W-SHOP-000001', '--unmasked')).toMatchObject({
    holder: 'K-1',
    phone: '+221771234567',
  })
  expect((await run('awa', 'open', 'W-SHOP-000001', ...facts)).output).toContain('has been done before')
})

test('thousands are imported from a file, with progress, all at once, and again it is harmless', async () => {
  const path = await file('market.csv', [HEADER, ...market(3000, 'W-IMP-')])
  const asked = await run('awa', 'import', path)
  expect(asked.code).toBe(0)
  expect(asked.output).toContain('open 3000 rows')
  expect(asked.progress.length).toBeGreaterThan(100)
  expect((await run('awa', 'import', path)).output).toContain(`waits already as ${named(asked.output)}`)
  expect(await count('wallet_core.accounts', "wallet_id LIKE 'W-IMP-%'")).toBe(0)
  expect((await run('bintou', 'approve', named(asked.output), '--csv', path)).code).toBe(0)
  expect(await count('wallet_core.accounts', "wallet_id LIKE 'W-IMP-%'")).toBe(3000)
  expect((await run('bintou', 'import', path)).output).toBe('all of it has been done before; nothing was asked for')
  // With more in it, the file opens what is new.
  const longer = await file('longer.csv', [HEADER, ...market(3002, 'W-IMP-')])
  const more = await run('bintou', 'import', longer)
  expect(more.output).toContain('open 3002 rows, 3000 of them done before')
  expect((await run('awa', 'approve', named(more.output))).code).toBe(0)
  expect(await count('wallet_core.accounts', "wallet_id LIKE 'W-IMP-%'")).toBe(3002)
})

test('a file as French spreadsheets write it: semicolons, a byte order mark, CR LF', async () => {
  const lines = ['\uFEFFkind;wallet_id;tenant;holder;currency', 'agent;W-FR-1;molam;K-FR;XOF\r', '']
  const { code, output } = await run('awa', 'import', await file('fr.csv', lines), '--dry-run')
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('open 1 row') })
})

test('each line that is wrong is named, what it holds is not, and nothing is asked for', async () => {
  const before = await state()
  const [good] = market(1, 'W-BAD-')
  const path = await file('bad.csv', [
    ...[HEADER, good as string, 'W-BAD-1,customer,XOF,K', '"W-BAD-2",customer,XOF,K,molam,', good as string],
    ...['W-BAD-3,customer,XOF,K,molam,771234567', 'W-SHOP-000001,customer,XOF,K-1,molam,'],
  ])
  const { code, output } = await run('awa', 'import', path)
  expect(code).toBe(1)
  expect(output.split('\n')).toEqual([
    ...['line 3: number_of_columns', 'line 4: quotes', 'line 5: twice_in_the_request', 'line 6: invalid_phone'],
    ...['line 7: open_with_other_facts', 'nothing was asked for'],
  ])
  expect(await state()).toEqual(before)
})

test.each([
  ['nothing in it', [''], /the file is empty/],
  ['a column too few', ['wallet_id,kind,currency,holder'], /no column tenant/],
  ['a column that nobody knows', [`${HEADER},balance`], /columns are/],
])('a file with %s is not read', async (name, lines, fault) => {
  expect(await run('awa', 'import', await file(`${name}.csv`, lines))).toMatchObject({
    code: 2,
    output: expect.stringMatching(fault),
  })
})

test('a dry run says what would be done, and changes nothing', async () => {
  const path = await file('dry.csv', [HEADER, ...market(7, 'W-DRY-')])
  const before = await state()
  const asked = await run('awa', 'import', path, '--dry-run')
  expect(asked.output).toContain('open 7 rows')
  expect(asked.output).toContain('… and 2 more')
  expect(asked.output).toContain('a dry run')
  expect(await state()).toEqual(before)

  await db().open('W-DRY-FUND')
  const funding = await run('awa', 'fund', 'W-DRY-FUND', '2500', '--reference', 'slip-7')
  const [waiting, balance] = [await state(), await db().balance('W-DRY-FUND')]
  const approved = await run('bintou', 'approve', named(funding.output), '--dry-run')
  expect(approved).toMatchObject({ code: 0, output: expect.stringContaining('fund 1 row, 2500 XOF') })
  expect(approved.output).toContain('nothing was changed')
  expect([await state(), await db().balance('W-DRY-FUND')]).toEqual([waiting, balance])
  expect((await run('bintou', 'approve', named(funding.output))).code).toBe(0)
  expect(await db().balance('W-DRY-FUND')).toBe(2500)
})

test('more money than one request may bring, and a file without rows, are not asked for', async () => {
  await db().open('W-BOUND')
  const asked = await run('awa', 'fund', 'W-BOUND', '100000001', '--reference', 'slip-8')
  expect(asked).toMatchObject({ code: 1, output: expect.stringContaining('100 000 000 minor units at most') })
  const empty = await run('awa', 'import', await file('empty.csv', [HEADER, '']))
  expect(empty).toMatchObject({ code: 1, output: 'there are no rows; nothing was asked for' })
})

test('with a file that changed since, it is not approved', async () => {
  for (const wallet of ['W-F1', 'W-F2']) await db().open(wallet)
  const header = 'reference,wallet_id,amount_minor,currency'
  const path = await file('fund.csv', [header, 'float-1,W-F1,100,XOF', 'float-2,W-F2,200,XOF'])
  const asked = await run('awa', 'fund', '--csv', path)
  expect(asked.output).toContain('fund 2 rows, 300 XOF')
  const request = named(asked.output)
  const other = await file('fund2.csv', [header, 'float-1,W-F1,100,XOF', 'float-2,W-F2,2000,XOF'])
  expect(await run('bintou', 'approve', request, '--csv', other)).toMatchObject({
    code: 1,
    output: expect.stringContaining('not what was asked for'),
  })
  expect(await db().balance('W-F2')).toBe(0)
  expect((await run('bintou', 'approve', request, '--csv', path)).code).toBe(0)
  expect(await db().balance('W-F2')).toBe(200)
})

test('a wallet is frozen, and a tariff set, by two people', async () => {
  await db().open('W-FREEZE')
  const asked = await run('awa', 'freeze', 'W-FREEZE', '--reason', 'reported as stolen')
  expect((await run('bintou', 'approve', named(asked.output))).code).toBe(0)
  expect(await json('awa', 'show', 'W-FREEZE')).toMatchObject({ frozen: true })
  const terms = ['--flat', '10', '--basis-points', '50', '--bearer', 'payee', '--from', '2099-01-01T00:00:00+01:00']
  const tariff = await run('bintou', 'tariff', 'CI', 'cashout', ...terms)
  expect(tariff.output).toContain('effective_from 2098-12-31T23:00:00.000Z')
  expect((await run('awa', 'approve', named(tariff.output))).code).toBe(0)
  expect(await count('offline_fee_rules', "country = 'CI' AND basis_points = 50")).toBe(1)
})

test('what was refused stays refused', async () => {
  const asked = await run('awa', 'open', 'W-NO', '--kind', 'agent', '--holder', 'K', '--tenant', 'molam')
  const request = named(asked.output)
  expect((await run('bintou', 'refuse', request)).code).toBe(0)
  expect((await run('bintou', 'approve', request)).output).toMatch(/^refused by/)
  expect((await run('bintou', 'requests', '--all')).output).toContain(`${request}  open 1 row`)
})

test('whose login is no operator’s is told so', async () => {
  await expect(run('nobody', 'requests')).rejects.toThrow(/no login of an operator/)
  await expect(call(accounts, ['requests'], world)).rejects.toThrow('OPERATOR_DATABASE_URL is not set')
  // The reconciler's own login.
  await expect(call(accounts, ['requests'], world, { OPERATOR_DATABASE_URL: db().logins.settle })).rejects.toThrow(
    /no login of/,
  )
})

test.each([
  [],
  ['open'],
  ['open', 'W-1', '--kind', 'agent'],
  ['import'],
  ['import', '/nowhere.csv'],
  ['fund', 'W-1'],
  ['freeze', 'W-1'],
  ['tariff', 'SN', 'p2p', '--flat', '1', '--basis-points', '1', '--bearer', 'payer', '--from', 'today'],
  ['approve', '17'],
  ['approve', '17-00000000', 'more'],
  ['show'],
  ['nonsense'],
])('%s %s: not called correctly', async (...args) => {
  expect((await run('awa', ...args)).code).toBe(2)
})

test('after all this the book is sound; an account, a funding or an approval behind its back is found', async () => {
  const wrong = async () => {
    const { findings } = JSON.parse((await call(verify, ['--json'], world)).output)
    return findings.filter(({ found }: { found: number }) => found > 0).map(({ check }: { check: string }) => check)
  }
  expect(await wrong()).toEqual([])
  const damages = [
    [
      "UPDATE wallet_core.account_holders SET tenant = 'other' WHERE account_id = (SELECT max(account_id) FROM wallet_core.account_holders)",
      "UPDATE wallet_core.account_holders SET tenant = 'molam'",
      ['audit_accounts'],
    ],
    [
      "UPDATE wallet_core.accounts SET frozen = true WHERE wallet_id = 'W-F1'",
      "UPDATE wallet_core.accounts SET frozen = false WHERE wallet_id = 'W-F1'",
      ['audit_accounts'],
    ],
    [
      "UPDATE wallet_core.transfers SET amount_minor = 101 WHERE source_id = 'float-1'",
      "UPDATE wallet_core.transfers SET amount_minor = 100 WHERE source_id = 'float-1'",
      ['transfer_entries', 'audit_funding'],
    ],
    [
      "UPDATE wallet_core.account_requests SET requested_by = 'somebody' WHERE action = 'tariff'",
      `UPDATE wallet_core.account_requests SET requested_by = '${people().bintou.name}' WHERE action = 'tariff'`,
      ['audit_requests'],
    ],
    [
      "INSERT INTO wallet_core.accounts (wallet_id, currency, kind) VALUES ('W-BEHIND', 'XOF', 'customer')",
      "DELETE FROM wallet_core.accounts WHERE wallet_id = 'W-BEHIND'",
      ['account_holders', 'audit_accounts'],
    ],
  ] as const
  for (const [damage, undo, found] of damages) {
    await tamper(db().ownerUrl, damage)
    expect(await wrong(), damage).toEqual(found)
    await tamper(db().ownerUrl, undo)
  }
  expect(await wrong()).toEqual([])
})
