import type { Mutant } from './mutant.ts'

const SDK = 'src/device/sdk'
const JOURNAL = `${SDK}/store/journal.ts`
const LOCAL_DEVICE = `${SDK}/store/local-device.ts`
const NOTICES = `${SDK}/sync/notices.ts`
const RETENTION = `${SDK}/store/retention.ts`

/** Faults of the device: what is told to people, kept on disk, sent, and believed. */
export const DEVICE: readonly Mutant[] = [
  {
    name: 'takes-beyond-the-backlog',
    file: `${SDK}/store/allowance.ts`,
    find: 'if (unsyncedValue(entries, policy) + payment.amount > policy.maxOfflineValueBetweenSyncs)',
    replace: 'if (payment.amount > policy.maxOfflineValueBetweenSyncs)',
    breaks: 'A device takes no more than it may bring at once: what is beyond it would wait for people.',
    tier: 'shallow',
  },
  {
    name: 'refunds-not-added-up',
    file: `${SDK}/store/refunded.ts`,
    find: 'if (amount > left) throw',
    replace: 'if (amount > entry.payment.amount) throw',
    breaks: 'A till gives back no more of a payment than is left of it.',
    tier: 'shallow',
    seed: 6,
  },
  {
    name: 'told-before-stored',
    file: JOURNAL,
    find: 'await this.#once.write(paymentKey(counter), encodePayment(',
    replace: 'void this.#once.write(paymentKey(counter), encodePayment(',
    breaks: 'What was told as paid is on disk: the process dies in the write, and the payment is gone.',
    tier: 'shallow',
  },
  {
    name: 'journal-tail-not-read',
    file: JOURNAL,
    find: 'await this.#probe(head.nextCounter)',
    replace: 'await this.#probe(head.nextCounter, 0)',
    breaks:
      'All that was taken is sent: payments taken after the last write of the state are not seen after a restart.',
    tier: 'shallow',
  },
  {
    name: 'sent-before-stored',
    file: LOCAL_DEVICE,
    find: `await this.#outgoingSlots.write(encodeOutgoing(outgoing))
    this.#outgoing = outgoing`,
    replace: `this.#outgoing = outgoing
    void this.#outgoingSlots.write(encodeOutgoing(outgoing))`,
    breaks: 'A bundle is stored before it is sent: after a death its payments are sealed again, under another id.',
    tier: 'shallow',
  },
  {
    name: 'retried-under-a-new-id',
    file: `${SDK}/sync/assemble.ts`,
    find: 'if (device.outgoing !== undefined) return device.outgoing',
    replace: '',
    breaks: 'To send again is safe: a lost answer makes another bundle for the same place, and the chain forks.',
    tier: 'shallow',
  },
  {
    name: 'older-slot-taken',
    file: `${SDK}/store/two-slots.ts`,
    find: 'b.generation - a.generation',
    replace: 'a.generation - b.generation',
    breaks: 'The newest whole record counts: after a restart the bundle in flight is an older one.',
    tier: 'shallow',
  },
  {
    name: 'checksum-not-compared',
    file: `${SDK}/store/records.ts`,
    find: 'if (!known || checksum !== (await this.#checksum(key, body)))',
    replace: 'if (!known)',
    breaks: 'A torn record is never taken for a whole one.',
    tier: 'shallow',
  },
  {
    name: 'void-not-carried',
    file: `${SDK}/store/entry.ts`,
    find: 'if (entry.voided) return { counter: entry.counter, voided: true }',
    replace: '',
    breaks: 'What was taken back moves no money: the bundle carries the payment instead of its void.',
    tier: 'shallow',
  },
  {
    name: 'voided-after-it-was-bundled',
    file: `${SDK}/store/by-hand.ts`,
    find: 'if (isBundled(counter) || counter < voidFrom)',
    replace: 'if (counter < voidFrom)',
    breaks: 'Nothing is taken back that the edge may have: a payment in the bundle in flight is.',
    tier: 'shallow',
  },
  {
    name: 'bundled-forgotten-on-restart',
    file: LOCAL_DEVICE,
    find: `    this.#known = state.changes
    this.#restoreClock()
    if (this.outgoing) this.journal.markBundled(this.outgoing.firstCounter, this.outgoing.lastCounter)`,
    replace: `    this.#known = state.changes
    this.#restoreClock()`,
    breaks: 'Nothing is taken back that the edge may have: after a restart the bundle in flight is forgotten.',
    tier: 'shallow',
  },
  {
    name: 'cursor-before-outcomes',
    file: NOTICES,
    find: `  let news = 0
  for (const outcome of notice.outcomes) {`,
    replace: `  let news = 0
  const read = notice.device ? device.state.cursor : Math.max(device.state.cursor, notice.cursor)
  await device.change(() => device.update({ cursor: read }))
  for (const outcome of notice.outcomes) {`,
    breaks: 'The cursor stands for what is on disk: a death after it leaves outcomes that never come again.',
    tier: 'shallow',
  },
  {
    name: 'cursor-past-unread-outcomes',
    file: NOTICES,
    find: 'const cursor = notice.device ? state.cursor : Math.max(state.cursor, notice.cursor)',
    replace: 'const cursor = Math.max(state.cursor, notice.cursor)',
    breaks: 'The device hears of each outcome: the cursor of device facts, which carry none, skips them.',
    tier: 'shallow',
  },
  {
    name: 'reversal-not-shown',
    file: `${SDK}/store/entry.ts`,
    find: "if (isFinal(known.status)) return known.status === 'succeeded' && next.status === 'reversed'",
    replace: 'if (isFinal(known.status)) return false',
    breaks: 'Everybody ends with the same answer: a device goes on showing a reversed payment as succeeded.',
    tier: 'shallow',
  },
  {
    name: 'counter-reused-after-restore',
    file: NOTICES,
    find: 'const next = notice.device ?? notice.next',
    replace: 'const next = notice.device',
    breaks: 'A counter is never given out twice: one that was set back goes on from its own, which the edge has seen.',
    tier: 'shallow',
  },
  {
    name: 'head-taken-for-ours',
    file: `${SDK}/store/chain-proof.ts`,
    find: 'head.seq === outgoing.seq && ours',
    replace: 'head.seq === outgoing.seq',
    breaks: 'A bundle counts as admitted by proof only: another bundle at its place in the chain is taken for it.',
    tier: 'shallow',
  },
  {
    name: 'receipt-of-another-bundle',
    file: `${SDK}/sync/trust.ts`,
    find: 'return receipt !== undefined && isReceiptFor(receipt, bundle) ? receipt : undefined',
    replace: 'return receipt',
    breaks: 'A device acknowledges what the receipt is for, and nothing else.',
    tier: 'shallow',
  },
  {
    name: 'pruned-without-a-receipt',
    file: RETENTION,
    find: 'if (entry === undefined || !isDone(entry) || lost.has(counter)) break',
    replace: 'if (entry === undefined || lost.has(counter)) break',
    breaks: 'A device deletes nothing that it has no verified receipt for, however old.',
    tier: 'shallow',
  },
  {
    name: 'block-not-lifted',
    file: NOTICES,
    find: "blocked && blocked.code !== 'invalid_signature' && device.outgoing && { blocked }",
    replace: "blocked && blocked.code !== 'invalid_signature' && { blocked }",
    breaks: 'A device that was made active again takes payments again, also when it has nothing to send.',
    tier: 'shallow',
  },
]
