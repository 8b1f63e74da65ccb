import type { Mutant } from './mutant.ts'

const SETTLE = 'reconciler/settle'
const PULL = 'reconciler/pull/pull.ts'
const VERIFY_BUNDLE = `${SETTLE}/verify-bundle.ts`
const JUDGE_AGAIN = `${SETTLE}/judge-again.ts`
const PREPARE = `${SETTLE}/prepare.ts`
const POST = `${SETTLE}/post.ts`

/** Faults of the reconciler. What the model shares with production shows in shallow runs. */
export const RECONCILER: readonly Mutant[] = [
  {
    name: 'commit-not-checked',
    file: 'reconciler/db.ts',
    find: "if (command !== 'COMMIT') throw",
    replace: "if (command === '') throw",
    breaks:
      'What is taken for committed is: Postgres answers COMMIT of a failed transaction with ROLLBACK and no error.',
    tier: 'deep',
    missed: 'What is not in the tables is done again from them, and an object sends again what nobody confirmed.',
  },
  {
    name: 'acknowledged-before-commit',
    file: PULL,
    find: `  const at = new Date(clock())
  await transact(pool, async (client) => {
    await receive(client, messages, at)`,
    replace: `  const at = new Date(clock())
  await queue.acknowledge(pulled.map(({ leaseId }) => leaseId))
  await transact(pool, async (client) => {
    await receive(client, messages, at)`,
    breaks: 'A message is in the inbox before the queue forgets it.',
    tier: 'deep',
    missed: 'The Device Object sends again what nobody confirmed, so the queue may lose all that it holds.',
  },
  {
    name: 'facts-kept-once-a-device',
    file: PULL,
    find: 'const facts = encodeSettleMessage({ ...message, atMs: 0 })',
    replace: `if (deviceId) return { dedupKey: 'device/' + deviceId, kind: 'device', body, deviceId }
      const facts = encodeSettleMessage({ ...message, atMs: 0 })`,
    breaks: 'The registry has the newest facts of a device: later ones are taken for a repetition of the first.',
    tier: 'shallow',
  },
  {
    name: 'delivered-though-not-confirmed',
    file: 'reconciler/tell/outcomes.ts',
    find: 'const delivered = rows.filter((row) => isDelivered(row, answers))',
    replace: 'const delivered = rows',
    breaks: 'The edge is told until it has confirmed.',
    tier: 'deep',
  },
  {
    name: 'newest-marked-as-delivered',
    file: 'reconciler/tell/outbox.ts',
    find: 'SET delivered_version = greatest(o.delivered_version, d.version)',
    replace: 'SET delivered_version = greatest(o.version, d.version)',
    breaks: 'The edge is told each change: what changed while the edge was told counts as told.',
    tier: 'deep',
  },
  {
    name: 'parked-instead-of-waiting',
    file: PREPARE,
    find: `        } else if (result.error === 'unknown_device') {
          await waitFor(deps, row, { what: 'device', devices: [message.deviceId] })
`,
    replace: '',
    breaks: 'Any order is fine: a bundle that comes before the facts of its device or key is left to a person.',
    tier: 'deep',
  },
  {
    name: 'first-policy-for-all',
    file: PREPARE,
    find: 'const policy = policies.get(policyKey(country, policyVersion))',
    replace: 'const policy = policies.get(policyKey(country, 1)) ?? policies.get(policyKey(country, policyVersion))',
    breaks: 'The book judges by the version of the policy that the receipt names.',
    tier: 'deep',
  },
  {
    name: 'resolution-keeps-the-rev',
    file: `${SETTLE}/bundle-statuses.ts`,
    find: 'SET status = x.status, rev = b.rev + 1,',
    replace: 'SET status = x.status,',
    breaks: 'Everybody ends with the same answer: the edge takes what people brought about for an old confirmation.',
    tier: 'deep',
  },
  {
    name: 'older-facts-recorded',
    file: 'reconciler/registry/registry.ts',
    find: 'WHERE d.rev < excluded.rev',
    replace: 'WHERE true',
    breaks: 'Facts of a device come in any order: an older message makes a suspended device active in the registry.',
    tier: 'deep',
  },
  {
    name: 'settled-off-the-record',
    file: POST,
    find: '...fresh.map((one) => auditOf(one, recorded.get(one) ?? [])),',
    replace: '',
    breaks: 'Every change of state has an audit record.',
    tier: 'deep',
  },
  {
    name: 'devices-locked-in-any-order',
    file: 'migrations/ledger/004.do.offline_tables.sql',
    find: 'ORDER BY device_id COLLATE "C" FOR NO KEY UPDATE',
    replace: 'FOR NO KEY UPDATE',
    breaks: 'Two reconcilers cannot deadlock.',
    tier: 'deep',
    missed: 'Two sessions that wait for each other need two connections: test/chaos has them.',
  },
  {
    name: 'revoked-before-it-was',
    file: VERIFY_BUNDLE,
    find: "if (key.state === 'revoked' && receipt.receivedAtMs > key.stateAtMs)",
    replace: "if (key.state === 'revoked')",
    breaks: 'What a receipt covers is never lost: a bundle that waits while its key is revoked is left to a person.',
    tier: 'shallow',
  },
  {
    name: 'receipt-for-other-bytes',
    file: VERIFY_BUNDLE,
    find: `    equalBytes(receipt.bundleId, claims.bundleId) &&
    equalBytes(receipt.digest, digest)`,
    replace: '    equalBytes(receipt.bundleId, claims.bundleId)',
    breaks: 'The edge cannot invent a payment: its receipt is for other bytes than those that are posted.',
    tier: 'shallow',
  },
  {
    name: 'weaker-word-counts',
    file: JUDGE_AGAIN,
    find: 'DECISIONS.indexOf(b.decision) > DECISIONS.indexOf(a.decision) ? b : a',
    replace: 'DECISIONS.indexOf(b.decision) < DECISIONS.indexOf(a.decision) ? b : a',
    breaks: 'The stricter of edge and book holds: what a receipt keeps for a person is posted without one.',
    tier: 'shallow',
  },
  {
    name: 'twins-posted',
    file: JUDGE_AGAIN,
    find: 'twins.has(counter) || voided.has(counter) ? REPEATED : ACCEPTED',
    replace: 'voided.has(counter) ? REPEATED : ACCEPTED',
    breaks: 'One payment that two devices recorded is posted once, and the other waits for a person.',
    tier: 'shallow',
  },
  {
    name: 'signed-by-another-payer',
    file: 'reconciler/registry/authority.ts',
    find: 'const isTheirs = ({ ownerWallet }: RegisteredDevice) => ownerWallet === payment.sender',
    replace: "const isTheirs = ({ ownerWallet }: RegisteredDevice) => ownerWallet !== ''",
    breaks: 'Money moves by the word of the owner of the debited wallet: the signature of any phone is taken.',
    tier: 'shallow',
    missed:
      'The edge looks at each signature first, by the same rule: the book sees one alone where the edge could not reach the phone, or a bundle names more than 32 keys: test/reconciler/registry/authority.test.ts.',
  },
  {
    name: 'approved-by-anybody',
    file: 'reconciler/registry/approvals.ts',
    find: "walletKind === 'agent' && tenant",
    replace: "walletKind !== 'agent ' && tenant",
    breaks: 'An agent approves: a customer whom somebody has let sign does.',
    tier: 'shallow',
  },
  {
    name: 'approval-not-looked-at-again',
    file: JUDGE_AGAIN,
    find: "if (approval.kind === 'none') return",
    replace: "if (approval.kind === 'none' && !words.payerProven) return",
    breaks: 'The book believes no approval that it has not verified.',
    tier: 'shallow',
  },
  {
    name: 'word-of-another-tenant',
    file: 'reconciler/registry/authority.ts',
    find: `{ wallet, ownerWallet, paysUntilMs }: Taker) =>
  wallet === 'known' && paysItself(payment, ownerWallet, paysUntilMs)`,
    replace: `{ wallet, ownerWallet, statedUntilMs }: Taker) =>
  wallet !== 'unknown' && paysItself(payment, ownerWallet, statedUntilMs)`,
    breaks: 'Money moves by the word of the owner of the debited wallet: a device of another tenant takes it.',
    tier: 'shallow',
  },
  {
    name: 'yes-of-another-tenant',
    file: 'reconciler/registry/standing.ts',
    find: "wallet !== 'known' || key === undefined",
    replace: "wallet === 'unknown' || key === undefined",
    breaks: 'A claim is confirmed by its payer: a device that another tenant registered for the wallet confirms it.',
    tier: 'deep',
  },
  {
    name: 'tenant-speaks-for-customers',
    file: 'reconciler/registry/consents.ts',
    find: 'consents.filter(({ holds }) => holds)',
    replace: 'consents',
    breaks: 'Nobody but himself speaks for a customer: two administrators let a device pay out of his wallet.',
    tier: 'shallow',
  },
  {
    name: 'any-code-taken',
    file: 'reconciler/codes/code.ts',
    find: 'if (said.length === right.length && timingSafeEqual(right, said)) found ??= keyId',
    replace: 'if (said.length === right.length && timingSafeEqual(right, right)) found ??= keyId',
    breaks: 'Consent by a code is the holder’s: whoever enters any eight digits has the wallet.',
    tier: 'deep',
  },
  {
    name: 'verdict-on-a-code-not-told',
    file: 'reconciler/tell/outbox.ts',
    find: '...(wallet !== null && { wallet }), ...(code && { code })',
    replace: '...(wallet !== null && { wallet }), ...(code && {})',
    breaks: 'What was entered as a code is judged in the end.',
    tier: 'deep',
  },
]
