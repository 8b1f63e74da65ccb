import type { ModelState } from './state.ts'

/** What a book holds that must be the same in the model, however it came there. */
export interface BookRows {
  readonly payments: readonly {
    readonly device_id: string
    readonly counter: number
    readonly bundle_id: string
    readonly status: string
    readonly reason: string | null
    readonly payer_proven: boolean
    readonly agent_proven: boolean
    readonly is_posted: boolean
  }[]
  readonly copies: readonly { readonly device_id: string; readonly counter: number; readonly bundle_id: string }[]
  readonly bundles: readonly {
    readonly device_id: string
    readonly bundle_id: string
    readonly status: string
    readonly rev: number
  }[]
  readonly accounts: readonly {
    readonly wallet_id: string
    readonly balance_minor: number
    readonly held_minor: number
  }[]
  readonly transfers: readonly {
    readonly kind: string
    readonly source_id: string
    readonly source_no: number
    readonly debit: string
    readonly credit: string
    readonly amount_minor: number
    readonly currency: string
  }[]
  readonly holds: readonly {
    readonly source_id: string
    readonly source_no: number
    readonly amount_minor: number
    readonly ended_by: string | null
  }[]
  readonly allowances: readonly {
    readonly device_id: string
    readonly no: number
    readonly state: string
    readonly consumed_minor: number
    readonly returned_minor: number
    readonly held_minor: number
  }[]
  readonly resolutions: readonly {
    readonly device_id: string
    readonly rev: number
    readonly counter: number
    readonly result: string | null
  }[]
  readonly answers: readonly {
    readonly payer_device_id: string
    readonly rev: number
    readonly result: string | null
  }[]
  readonly devices: readonly {
    readonly device_id: string
    readonly rev: number
    readonly status: string
    readonly owner_wallet: string
    /** Hex. */
    readonly kid: string
  }[]
  readonly keys: readonly { readonly device_id: string; readonly kid: string; readonly state: string }[]
}

const SQL: Readonly<Record<keyof BookRows, string>> = {
  payments: `SELECT device_id, counter, bundle_id, status, reason, payer_proven, agent_proven,
                    transfer_id IS NOT NULL AS is_posted
             FROM offline_transactions`,
  copies: 'SELECT device_id, counter, bundle_id FROM offline_tx_copies',
  bundles: 'SELECT device_id, bundle_id, status, rev FROM offline_tx_bundles',
  accounts: 'SELECT wallet_id, balance_minor, held_minor FROM wallet_core.accounts',
  transfers: `SELECT t.kind, t.source_id, t.source_no, d.wallet_id AS debit, c.wallet_id AS credit, t.amount_minor, t.currency
              FROM wallet_core.transfers t JOIN wallet_core.accounts d ON d.account_id = t.debit_account_id
              JOIN wallet_core.accounts c ON c.account_id = t.credit_account_id`,
  holds: 'SELECT source_id, source_no, amount_minor, ended_by FROM wallet_core.holds',
  allowances: 'SELECT device_id, no, state, consumed_minor, returned_minor, held_minor FROM wallet_core.allowances',
  resolutions: 'SELECT device_id, rev, counter, result FROM offline_resolutions',
  answers: 'SELECT payer_device_id, rev, result FROM offline_claim_answers',
  devices: "SELECT device_id, rev, status, owner_wallet, encode(kid, 'hex') AS kid FROM offline_devices",
  keys: "SELECT device_id, encode(kid, 'hex') AS kid, state FROM offline_device_keys",
}

/** @param read with 64-bit integers as numbers, as the reconciler's own sessions give them */
export function readRows(read: (sql: string) => object[]): BookRows {
  const rows = Object.entries(SQL).map(([table, sql]) => [table, read(sql)])
  return Object.fromEntries(rows) as unknown as BookRows
}

/** @returns the model's own */
export function rowsOf({
  payments,
  copies,
  bundles,
  book,
  allowances,
  resolutions,
  answers,
  devices,
}: ModelState): BookRows {
  return {
    payments: [...payments.values()].map((row) => ({
      ...{ device_id: row.deviceId, counter: row.payment.counter, bundle_id: row.bundleId, status: row.status },
      ...{ reason: row.reason ?? null, payer_proven: row.payerProven, agent_proven: row.agentProven },
      is_posted: row.transferId !== undefined,
    })),
    copies: copies.map((row) => ({ device_id: row.deviceId, counter: row.counter, bundle_id: row.bundleId })),
    bundles: [...bundles.values()].map((row) => ({
      ...{ device_id: row.deviceId, bundle_id: row.bundleId, status: row.status, rev: row.rev },
    })),
    accounts: [...book.accounts.values()].map(({ wallet, balanceMinor, heldMinor }) => ({
      ...{ wallet_id: wallet, balance_minor: balanceMinor, held_minor: heldMinor },
    })),
    transfers: [...book.transfers.values()].map((row) => ({
      ...{ kind: row.kind, source_id: row.sourceId, source_no: row.sourceNo, debit: row.debit, credit: row.credit },
      ...{ amount_minor: row.amountMinor, currency: row.currency },
    })),
    holds: [...book.holds].map(([key, { amountMinor, endedBy }]) => ({
      ...sourceOf(key),
      ...{ amount_minor: amountMinor, ended_by: endedBy },
    })),
    allowances: [...allowances.values()].map((row) => ({
      ...{ device_id: row.deviceId, no: row.no, state: row.state, consumed_minor: row.consumed },
      ...{ returned_minor: row.returned, held_minor: row.heldMinor },
    })),
    resolutions: resolutions.map((row) => ({
      ...{ device_id: row.deviceId, rev: row.rev, counter: row.counter, result: row.result },
    })),
    answers: answers.map(({ payerDeviceId, rev, result }) => ({ payer_device_id: payerDeviceId, rev, result })),
    devices: [...devices].map(([device_id, { rev, status, ownerWallet, kid }]) => ({
      ...{ device_id, rev, status, owner_wallet: ownerWallet, kid },
    })),
    keys: [...devices].flatMap(([device_id, { keys }]) =>
      [...keys].map(([kid, { state }]) => ({ device_id, kid, state })),
    ),
  }
}

/** The reverse of `sourceKey` (book.ts); a source's name may itself hold a slash. */
function sourceOf(key: string) {
  const at = key.lastIndexOf('/')
  return { source_id: key.slice(0, at), source_no: Number(key.slice(at + 1)) }
}
