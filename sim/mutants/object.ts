import type { Mutant } from './mutant.ts'

const OBJECT = 'durable-objects/device'
const ADMISSION = `${OBJECT}/admit/admission.ts`
const KEYS = `${OBJECT}/admit/keys.ts`
const DELIVERY = `${OBJECT}/owed/delivery.ts`
const VIEW = `${OBJECT}/sql/view-store.ts`
const DEVICE_STORE = `${OBJECT}/sql/device-store.ts`
const OWED_STORE = `${OBJECT}/sql/owed-store.ts`
const OUTCOMES = `${OBJECT}/settle/apply-outcomes.ts`
const VOTING = `${OBJECT}/people/voting.ts`

/** Faults of the Device Object: what it admits, what it keeps, what it owes. */
export const DEVICE_OBJECT: readonly Mutant[] = [
  {
    name: 'receipt-before-commit',
    file: `${OBJECT}/device-object.ts`,
    find: 'if (!commitAdmission(this.ctx.storage, view.device, admission, bundle, request)) continue',
    replace: 'setTimeout(() => commitAdmission(this.ctx.storage, view.device, admission, bundle, request), 5)',
    breaks:
      'The receipt exists if and only if the admission was committed: it leaves, and the object dies before the write.',
    tier: 'shallow',
  },
  {
    name: 'row-version-not-compared',
    file: DEVICE_STORE,
    find: 'WHERE row_version = ?`',
    replace: 'WHERE row_version >= 0 AND ? > 0`',
    breaks: 'What was decided on an older state is decided again: it is written over what people changed meanwhile.',
    tier: 'shallow',
  },
  {
    name: 'same-bundle-not-known',
    file: VIEW,
    find: 'sameId: related.find((bundle) => equalBytes(bundle.bundleId, bundleId)),',
    replace: 'sameId: undefined,',
    breaks: 'To send again is safe: a repeated push is taken for a fork, and an honest device is suspended.',
    tier: 'shallow',
  },
  {
    name: 'nonce-forgotten',
    file: VIEW,
    find: 'sameNonce: related.find((bundle) => equalBytes(bundle.nonce, nonce)),',
    replace: 'sameNonce: undefined,',
    breaks: 'A nonce that was used before is refused and kept as evidence, also after an eviction.',
    tier: 'shallow',
  },
  {
    name: 'digest-not-compared',
    file: ADMISSION,
    find: 'const same = equalBytes(sameId.digest, digest)',
    replace: 'const same = true',
    breaks: 'A receipt is for these very bytes: another bundle under a known id gets the receipt of the first.',
    tier: 'shallow',
  },
  {
    name: 'recorded-at-admission',
    file: ADMISSION,
    find: 'recorded: false,',
    replace: 'recorded: true,',
    breaks: 'A bundle is owed until the reconciler holds it: one whose message is lost never comes into the book.',
    tier: 'shallow',
  },
  {
    name: 'activity-not-kept',
    file: ADMISSION,
    find: 'recentActivity(judged.activity, request.policy, nowMs)',
    replace: 'recentActivity(device.activity, request.policy, nowMs)',
    breaks: 'The limits of a day count all of its bundles.',
    tier: 'shallow',
  },
  {
    name: 'suspended-device-admitted',
    file: KEYS,
    find: "device.status === 'active' ? undefined",
    replace: "device.status !== 'revoked' ? undefined",
    breaks: 'Nothing is admitted of a suspended device, though the Worker let it through by an older copy.',
    tier: 'shallow',
  },
  {
    name: 'revoked-key-accepted',
    file: KEYS,
    find: "return older?.state === 'retiring' && older.alg === by.alg",
    replace: 'return older !== undefined && older.alg === by.alg',
    breaks: 'Nothing is admitted that a revoked key signed, though the Worker let it through by an older copy.',
    tier: 'shallow',
  },
  {
    name: 'older-key-never-ends',
    file: KEYS,
    find: "if (key.state !== 'retiring' || index >= signer) return key",
    replace: 'if (signer >= 0) return key',
    breaks: 'A key that was replaced signs nothing after the first bundle of the newer one.',
    tier: 'shallow',
  },
  {
    name: 'older-key-survives-revocation',
    file: KEYS,
    find: "return fate === 'revoked' && key.state === 'retiring' ? { ...key, state: 'revoked' } : key",
    replace: 'return key',
    breaks: 'When a device has lost its key, nothing that its older keys sign is taken either.',
    tier: 'shallow',
  },
  {
    name: 'status-without-a-rev',
    file: DEVICE_STORE,
    find: 'const UPDATE_STATUS = `UPDATE device SET row_version = row_version + 1, rev = rev + 1,',
    replace: 'const UPDATE_STATUS = `UPDATE device SET row_version = row_version + 1,',
    breaks: 'A change of status is owed to the registry and the read model until they have it.',
    tier: 'shallow',
  },
  {
    name: 'alarm-not-rearmed',
    file: DELIVERY,
    find: 'if (!isComing && this.#owes()) this.#arm(Date.now() + INDEX_PATIENCE_MS)',
    replace: '',
    breaks: 'Nothing stays owed for ever: an alarm that was lost is never set again.',
    tier: 'shallow',
  },
  {
    name: 'bundle-not-sent-again',
    file: DELIVERY,
    find: 'const settle: SettleMessage[] = unrecorded.map((bundle) => settleMessageOf(device, bundle))',
    replace: 'const settle: SettleMessage[] = []',
    breaks: 'The settle queue may lose everything: what its isolate or the queue lost is not sent again.',
    tier: 'shallow',
  },
  {
    name: 'resolution-not-sent-again',
    file: DELIVERY,
    find: 'settle.push(...resolutions.map((resolution) => resolutionMessageOf(device, resolution)))',
    replace: '',
    breaks: 'What people decided is carried out, also when its message is lost.',
    tier: 'shallow',
  },
  {
    name: 'facts-not-sent-again',
    file: DELIVERY,
    find: 'settle.unshift(deviceMessageOf(device, nowMs))',
    replace: 'settle.unshift()',
    breaks: 'The registry gets the facts of a device, also when their message is lost.',
    tier: 'shallow',
  },
  {
    name: 'newest-marked-as-indexed',
    file: OWED_STORE,
    find: 'UPDATE bundles SET indexed_rev = ?2 WHERE seq = ?1',
    replace: 'UPDATE bundles SET indexed_rev = rev WHERE seq = ?1',
    breaks: 'The read model is owed each change until it has it: the news of an older rev ends the debt of a newer.',
    tier: 'shallow',
  },
  {
    name: 'audit-gap-passed',
    file: OWED_STORE,
    find: 'while (indexed.has(auditDone + 1)) auditDone++',
    replace: 'auditDone = Math.max(auditDone, ...auditIds)',
    breaks: 'The audit log that people see is complete: a record that was lost on its way is not owed any more.',
    tier: 'shallow',
  },
  {
    name: 'debt-below-the-mark',
    file: OWED_STORE,
    find: "sql.exec('UPDATE device SET done_through = ?1 WHERE done_through > ?1', Math.min(...seqs) - 1)",
    replace: '',
    breaks: 'Rows that the read model did not take are owed again, also those of bundles that were done.',
    tier: 'shallow',
  },
  {
    name: 'reversal-not-applied',
    file: OUTCOMES,
    find: "return to === 'reversed'",
    replace: 'return false',
    breaks: 'Everybody ends with the same answer: the object and the read model keep a reversed payment as succeeded.',
    tier: 'shallow',
  },
  {
    name: 'settlement-repeated',
    file: OUTCOMES,
    find: 'if (confirmation.rev <= bundle.settledRev)',
    replace: 'if (confirmation.rev < bundle.settledRev)',
    breaks: 'A confirmation that comes again changes nothing: it is put on record as another settlement.',
    tier: 'shallow',
  },
  {
    name: 'one-person-votes-twice',
    file: VOTING,
    find: "if (before.some(([, , , actor]) => actor === vote.actor)) return err('already_voted')",
    replace: '',
    breaks: 'Above an amount two different people decide.',
    tier: 'shallow',
  },
  {
    name: 'reversal-decided-twice',
    file: VOTING,
    find: "return status === 'succeeded' && !undone.has(counter)",
    replace: "return status === 'succeeded'",
    breaks:
      'A payment is reversed by one resolution: the book refuses the second, which is on record without an effect.',
    tier: 'shallow',
  },
  {
    name: 'answer-forgotten',
    file: `${OBJECT}/people/once.ts`,
    find: 'nowMs - KEPT_MS',
    replace: 'nowMs',
    breaks: 'A write that is repeated with its key gets its first answer: the next write drops it.',
    tier: 'shallow',
  },
]
