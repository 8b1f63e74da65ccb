import type { Mutant } from './mutant.ts'

const ALLOWANCES = 'migrations/ledger/018.do.allowances.sql'
const POSTING = 'migrations/ledger/003.do.posting.sql'

/** Faults of what is held for phones, and of those who cheat with it. */
export const ALLOWANCE: readonly Mutant[] = [
  {
    name: 'covered-consumes-nothing',
    file: POSTING,
    find: 'v_covered[v_payment.no] := v_take;',
    replace: 'v_covered[v_payment.no] := 0;',
    breaks: 'What is held for a phone pays what the phone signs.',
    tier: 'deep',
  },
  {
    name: 'covered-gives-back-twice',
    file: ALLOWANCES,
    find: 'SET held_minor = held_minor - v_left WHERE account_id',
    replace: 'SET held_minor = held_minor - 2 * v_left WHERE account_id',
    breaks: 'What is left of an allowance goes back once.',
    tier: 'deep',
    seed: 11,
  },
  {
    name: 'stolen-phone-spends-the-wallet',
    file: 'reconciler/registry/authority.ts',
    find: 'spending: { ...spending, heldOnly: true } }',
    replace: 'spending }',
    breaks: 'A phone that was stopped has what is held for it, and nothing else of the wallet.',
    tier: 'shallow',
  },
  {
    name: 'covered-refused-of-a-stopped-phone',
    file: 'src/edge/ingest/second-signatures.ts',
    find: 'if (signed === undefined || signed.claims.covered !== undefined) return []',
    replace: 'if (signed === undefined) return []',
    breaks: 'A till that was told that it is covered is paid, though the phone was stopped since.',
    tier: 'shallow',
  },
  {
    name: 'misuse-is-forgotten',
    file: 'durable-objects/device/settle/allowance.ts',
    find: 'if (!convict(sql, convictedNo)) return audit',
    replace: 'if (convict(sql, convictedNo)) return audit',
    breaks: 'A phone that contradicts itself is stopped, and people look at it.',
    tier: 'shallow',
  },
  {
    name: 'misuse-stops-nobody',
    file: 'durable-objects/device/settle/allowance.ts',
    find: "writeStatus(sql, 'suspended', nowMs)",
    replace: "writeStatus(sql, 'active', nowMs)",
    breaks: 'A phone that contradicts itself is stopped.',
    tier: 'shallow',
  },
  {
    name: 'spent-is-not-bound',
    file: 'reconciler/registry/authority.ts',
    find: '{ allowanceNo: pass.allowance.no, ...claims.covered }',
    replace: '{ allowanceNo: pass.allowance.no, n: claims.covered.n, spent: claims.covered.n }',
    breaks: 'The sum that a phone signs is the sum that it is held to.',
    tier: 'shallow',
  },
]
