import type pg from 'pg'

/**
 * Finds what is new in the book, whoever wrote it and whatever it says of itself: by the transaction that made the row
 * (`xmin`), which no statement can choose. A row that was changed in place is a new version of it, and new too.
 *
 * A transaction that was under way when a round read the book has a number at or above that snapshot's `xmin`: so the next
 * round looks from there on, and commits out of order are not missed. What it sees twice it checks twice.
 *
 * A small table is read as a whole, which takes milliseconds. Of a large one a round reads the end, where rows are added, and
 * one piece of the rest in turn, so that a row changed in place shows within a turn. Turns read again what the one before has read
 * at the end: a version of a row that was looked at once is left out.
 */
const FOLLOWED = {
  accounts: ['wallet_core.accounts', 'account_id'],
  transfers: ['wallet_core.transfers', 'transfer_id, source_id, source_no, debit_account_id, credit_account_id'],
  entries: ['wallet_core.entries', 'account_id, seq, transfer_id'],
  holds: ['wallet_core.holds', 'source_id, source_no, account_id'],
  payments: ['offline_transactions', 'device_id, counter'],
  authorizations: ['offline_payer_authorizations', 'device_id, counter'],
  approvals: ['offline_agent_approvals', 'device_id, counter'],
  resolutions: ['offline_resolutions', 'device_id, rev, counter'],
  answers: ['offline_claim_answers', 'device_id, counter, payer_device_id'],
  mandates: ['offline_mandates', 'payer_device_id'],
  mandated: ['offline_mandated_payments', 'device_id, counter'],
  allowances: ['wallet_core.allowances', 'device_id AS payer_device_id, account_id'],
  orders: ['offline_allowance_orders', 'payer_device_id'],
  covered: ['offline_allowance_payments', 'device_id, counter, payer_device_id'],
  misuses: ['offline_allowance_evidence', 'payer_device_id'],
  bundles: ['offline_tx_bundles', 'device_id, bundle_id'],
  copies: ['offline_tx_copies', 'device_id, bundle_id'],
  signed: ['offline_signed_bundles', 'device_id, bundle_id'],
  devices: ['offline_devices', 'device_id'],
  keys: ['offline_device_keys', 'device_id'],
  messages: ['offline_device_messages', 'device_id'],
  consents: ['offline_wallet_consents', "device_id, encode(digest, 'hex') AS digest"],
  codes: ['offline_consent_codes', 'device_id'],
  tries: ['offline_consent_answers', 'device_id'],
  policies: ['offline_policies', 'country, version'],
} as const
type Table = keyof typeof FOLLOWED

export interface NewRows {
  readonly accounts: readonly { account_id: number }[]
  readonly transfers: readonly {
    transfer_id: string
    source_id: string
    source_no: number
    debit_account_id: number
    credit_account_id: number
  }[]
  readonly entries: readonly { account_id: number; seq: number; transfer_id: string }[]
  readonly holds: readonly { source_id: string; source_no: number; account_id: number }[]
  readonly payments: readonly Payment[]
  readonly authorizations: readonly Payment[]
  readonly approvals: readonly Payment[]
  readonly resolutions: readonly (Payment & { rev: number })[]
  readonly answers: readonly (Payment & Payer)[]
  readonly mandates: readonly Payer[]
  readonly mandated: readonly Payment[]
  readonly allowances: readonly (Payer & { account_id: number })[]
  readonly orders: readonly Payer[]
  readonly covered: readonly (Payment & Payer)[]
  readonly misuses: readonly Payer[]
  readonly bundles: readonly Bundle[]
  readonly copies: readonly Bundle[]
  readonly signed: readonly Bundle[]
  readonly devices: readonly Device[]
  readonly keys: readonly Device[]
  readonly messages: readonly Device[]
  readonly consents: readonly (Device & { digest: string })[]
  readonly codes: readonly Device[]
  readonly tries: readonly Device[]
  readonly policies: readonly { country: string; version: number }[]
}
interface Payment {
  device_id: string
  counter: number
}
interface Payer {
  payer_device_id: string
}
interface Bundle {
  device_id: string
  bundle_id: string
}
interface Device {
  device_id: string
}

/** How far the book has been looked at. Numbers of transactions are texts: they have 64 bits. */
export interface Position {
  /** What a transaction from this number on has written is new. */
  readonly horizon: string
  readonly turns: Readonly<Record<Table, Turn>>
}

/** Through a large table, piece by piece. */
interface Turn {
  readonly page: number
  /** From where on rows of this turn are new: where the turn before began. */
  readonly since: string
  /** Where this one began. */
  readonly began: string
  /** Versions of rows that were found new in this turn, and in the one before. */
  readonly seen: ReadonlySet<string>
  readonly seenBefore: ReadonlySet<string>
}

/** Pages of 8 kB. */
export const PIECE_PAGES = 32_768
/** Where rows are added, by several at once. */
const END_PAGES = 1024

const NOTHING: ReadonlySet<string> = new Set()

/** Everything from now on is new. To be called in the transaction that has looked at all before. */
export async function positionNow(client: pg.ClientBase): Promise<Position> {
  const horizon = await horizonOf(client)
  const turn = { page: 0, since: horizon, began: horizon, seen: NOTHING, seenBefore: NOTHING }
  const turns = Object.fromEntries(Object.keys(FOLLOWED).map((table) => [table, turn])) as Record<Table, Turn>
  return { horizon, turns }
}

/** In a snapshot. @returns what is new since, and where to go on when it has been dealt with */
export async function readNewRows(
  client: pg.ClientBase,
  position: Position,
  piecePages = PIECE_PAGES,
): Promise<{ readonly rows: NewRows; readonly next: Position }> {
  const horizon = await horizonOf(client)
  const rows: Record<string, unknown[]> = {}
  const turns: Record<string, Turn> = {}
  for (const [table, [name, columns]] of Object.entries(FOLLOWED)) {
    const turn = position.turns[table as Table]
    const { page, since } = turn
    const pages = await pagesOf(client, name)
    const untilPage = page + piecePages
    const isLast = untilPage >= pages
    const piece = { name, columns, since, fromPage: page, untilPage: isLast ? PAGES_MAX : untilPage }
    const found = await newIn(client, piece)
    if (!isLast) {
      const end = { fromPage: Math.max(untilPage, pages - END_PAGES), untilPage: PAGES_MAX }
      found.push(...(await newIn(client, { name, columns, since: position.horizon, ...end })))
    }
    const fresh = found.filter(({ version }) => !turn.seen.has(version) && !turn.seenBefore.has(version))
    rows[table] = fresh
    const began = page === 0 ? horizon : turn.began
    const seen = new Set([...turn.seen, ...found.map(({ version }) => version)])
    turns[table] = isLast
      ? { page: 0, since: began, began, seen: NOTHING, seenBefore: seen }
      : { page: untilPage, since, began, seen, seenBefore: turn.seenBefore }
  }
  return { rows: rows as unknown as NewRows, next: { horizon, turns: turns as Record<Table, Turn> } }
}

const PAGES_MAX = 4_294_967_294

async function horizonOf(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ horizon: string }>(
    'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon',
  )
  return rows[0]?.horizon ?? '0'
}

async function pagesOf(client: pg.ClientBase, name: string): Promise<number> {
  const { rows } = await client.query<{ pages: number }>(
    `SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint AS pages`,
    [name],
  )
  return rows[0]?.pages ?? 0
}

interface Piece {
  readonly name: string
  readonly columns: string
  readonly since: string
  readonly fromPage: number
  readonly untilPage: number
}

interface NewRow {
  /** Of this row and no other: who wrote it, and where it lies. */
  readonly version: string
}

async function newIn(client: pg.ClientBase, { name, columns, since, fromPage, untilPage }: Piece): Promise<NewRow[]> {
  const { rows } = await client.query<NewRow>(
    // By age, because numbers of transactions in rows have 32 bits and begin again.
    `SELECT ${columns}, xmin::text || ctid::text AS version FROM ${name}
     WHERE ctid >= '(${fromPage},0)'::tid AND ctid < '(${untilPage},0)'::tid AND age(xmin) <= age($1::text::xid8::xid)`,
    [since],
  )
  return rows
}
