import type { Mutant } from './mutant.ts'

const PROJECTIONS = 'src/edge/store/projections.ts'
const CONFIRM_ALL = 'src/edge/settle/confirm-all.ts'

/** Faults of the Worker: what it lets through, and what it writes to the read model. */
export const EDGE: readonly Mutant[] = [
  {
    name: 'only-reviews-kept-for-people',
    file: 'durable-objects/country/waiting.ts',
    find: 'if (isWaiting(status)) {',
    replace: "if (status === 'review') {",
    breaks: 'Whatever waits is seen by people, claims and quarantine too.',
    tier: 'shallow',
  },
  {
    name: 'ended-and-not-compared',
    file: 'src/edge/store/ended.ts',
    find: 'if (!places.ok) return true',
    replace: 'if (places.ok) return true',
    breaks: 'Whoever reads about a device is shown what has ended of it, or told that something is missing.',
    tier: 'shallow',
  },
  {
    name: 'hidden-and-not-mended',
    file: 'src/edge/store/mend.ts',
    find: 'if (!owed.ok || owed.value.index > 0) return',
    replace: 'return',
    breaks: 'The read model mends itself: rows that somebody took away stay away.',
    tier: 'shallow',
  },
  {
    name: 'older-row-written-over-newer',
    file: PROJECTIONS,
    find: 'WHERE excluded.rev > offline_tx_bundles.rev',
    replace: 'WHERE true',
    breaks: 'Rows come in any order: a late message takes a bundle back to what it was.',
    tier: 'shallow',
  },
  {
    name: 'older-facts-shown',
    file: PROJECTIONS,
    find: 'WHERE excluded.rev > offline_devices.rev',
    replace: 'WHERE true',
    breaks: 'Rows come in any order: a late message shows a suspended device as active.',
    tier: 'shallow',
  },
  {
    name: 'audit-not-repeatable',
    file: PROJECTIONS,
    find: `WHERE true
  ON CONFLICT (id) DO NOTHING`,
    replace: 'WHERE true',
    breaks: 'Each write to D1 is idempotent: a record that comes again keeps its message from ever being written.',
    tier: 'shallow',
  },
  {
    name: 'handed-rows-not-owed-again',
    file: CONFIRM_ALL,
    find: "if (!(await isOwedAgain(env, deviceId, seqs))) said.set(deviceId, 'retry')",
    replace: "logger.warn('read model not written', { deviceId, seqs })",
    breaks: 'The read model holds each outcome or is owed it: rows that D1 did not take are handed over, and gone.',
    tier: 'shallow',
  },
  {
    name: 'unreached-object-confirmed',
    file: CONFIRM_ALL,
    find: "return { deviceId, said: 'retry', rows: [] }",
    replace: "return { deviceId, said: 'confirmed', rows: [] }",
    breaks: 'An outcome is said again until the object has heard it.',
    tier: 'shallow',
  },
  {
    name: 'indexed-before-written',
    file: 'src/edge/store/consume-index.ts',
    find: `    for (const { message } of parts) message.retry({ delaySeconds: isRefused ? REFUSED_RETRY_S : RETRY_S })
  }
  const missing = new Set(unwritten.flatMap(({ parts }) => parts))
  const written = authentic.filter((one) => !missing.has(one)).map(({ rows }) => rows)`,
    replace: `  }
  const written = authentic.map(({ rows }) => rows)`,
    breaks: 'An object is told that a row is shown when it is: rows that D1 did not take are not owed any more.',
    tier: 'shallow',
  },
  {
    name: 'first-half-forgotten',
    file: 'src/edge/store/write-rows.ts',
    find: 'return [...first, ...(await writeRows(',
    replace: 'return [...(await writeRows(',
    breaks: 'Whoever writes a batch hears of every row that was not written.',
    tier: 'shallow',
  },
  {
    name: 'policy-kept-for-hours',
    file: 'src/edge/ingest/policy-cache.ts',
    find: 'const POLICY_FRESH_MS = 10_000',
    replace: 'const POLICY_FRESH_MS = 10_000_000',
    breaks: 'A country can be switched off in 10 seconds.',
    tier: 'shallow',
  },
  {
    name: 'policy-by-its-row',
    file: 'src/crypto/sign1.ts',
    find: 'if (key === undefined || !(await verifySign1(key.verifier, parts, kind))) return undefined',
    replace: `const holds = key !== undefined && (await verifySign1(key.verifier, parts, kind))
  if (!holds && kind !== 'molam-policy-v1') return undefined`,
    breaks: 'Nobody sets limits who can write to D1, and nothing else.',
    tier: 'shallow',
    seed: 1,
  },
  {
    name: 'proposal-not-authentic',
    file: 'src/edge/store/policy-proposals.ts',
    find: '(await macHolds(key, row.mac, proposalFields(proposal)))',
    replace: "key.type === 'secret'",
    breaks: 'A person agrees to what another person proposed, and to nothing that was written into D1.',
    tier: 'shallow',
    seed: 1,
  },
  {
    name: 'index-message-not-authentic',
    file: 'src/edge/store/seal-index.ts',
    find: 'return (await macHolds(key, mac, [textOf(rows)])) ? rows : undefined',
    replace: "return key.type === 'secret' || mac ? rows : undefined",
    breaks: 'What people are shown came from an object: whoever writes to the index queue shows nothing.',
    tier: 'shallow',
    seed: 2,
  },
  {
    name: 'proposer-confirms',
    file: 'src/edge/routes/policy-proposals.ts',
    find: 'if (proposal.proposedBy === actor)',
    replace: "if (proposal.proposedBy === '')",
    breaks: 'A policy is put in force by two people, or switches a country off.',
    tier: 'shallow',
    seed: 3,
  },
  {
    name: 'signed-ahead-taken',
    file: 'src/edge/ingest/clock.ts',
    find: 'return signedAtMs <= nowMs + skewMs && signedAtMs',
    replace: 'return signedAtMs',
    breaks: 'Nothing is admitted whose signature is dated ahead by more than the skew.',
    tier: 'shallow',
  },
  {
    name: 'signature-not-verified',
    file: 'src/edge/ingest/signed-by.ts',
    find: 'return holds && device?.alg === alg ? device : undefined',
    replace: 'return device?.alg === alg ? device : undefined',
    breaks: 'Only the holder of its key pushes for a device: a forgery gets a receipt that the book refuses.',
    tier: 'shallow',
  },
  {
    name: 'word-of-a-stranger',
    file: 'src/edge/routes/own-consent.ts',
    find: 'const isOfWallet = giver?.ownerWallet === device.ownerWallet && giver.tenant === device.tenant',
    replace: 'const isOfWallet = giver !== undefined',
    breaks: 'A device pays by the word of a device of its own wallet, and of no other.',
    tier: 'shallow',
  },
]
