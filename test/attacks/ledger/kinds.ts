import { signSign1 } from '../../../src/crypto/sign1.ts'
import { parseApproval } from '../../../src/protocol/approval.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { approve } from '../../kit/approval.ts'
import { newWallet } from '../../reconciler/kit.ts'
import { moved, postAgain, type Scene, settled } from './planted.ts'
import { WORDS } from './words.ts'

/** Wrong postings that somebody with a login of the database plants behind the reconciler's back, and the check that finds each. */
/** A wrong posting. */
export interface Kind {
  readonly what: string
  /** The check that finds it. */
  readonly check: string
  /** Rejects with "settlement is halted" when it was found before all of it stood there. */
  plant(scene: Scene): Promise<unknown>
}

/** The terms of the one payment of a scene, changed wherever the book has them. Only the signed bytes still say what was paid. */
const everywhere = (payer: string, device: string, owner: string, more: number) => `
  UPDATE offline_transactions SET amount_minor = amount_minor + ${more} WHERE device_id = '${device}';
  UPDATE wallet_core.transfers SET amount_minor = amount_minor + ${more} WHERE source_id = '${device}';
  UPDATE wallet_core.entries e SET amount_minor = e.amount_minor + sign(e.amount_minor) * ${more},
    balance_minor = e.balance_minor + sign(e.amount_minor) * ${more}
  FROM wallet_core.transfers t WHERE t.source_id = '${device}' AND t.transfer_id = e.transfer_id;
  UPDATE wallet_core.accounts SET balance_minor = balance_minor - ${more} WHERE wallet_id = '${payer}';
  UPDATE wallet_core.accounts SET balance_minor = balance_minor + ${more} WHERE wallet_id = '${owner}'`

const POSTINGS: readonly Kind[] = [
  {
    what: 'a transfer that no bundle asks for, by the posting function itself',
    check: 'payments_posted',
    plant: ({ owner, payer, device }) =>
      owner(
        `SELECT * FROM wallet_core.post_transfers('payment', ARRAY[wallet_core.request_payment(
           'GHOST', 1, 'merchant', $1, $2, 1000, 'XOF', NULL, NULL, NULL, NULL)], now())`,
        [payer, device.ownerWallet],
      ),
  },
  {
    what: 'a larger amount, everywhere in the book',
    check: 'bundle_evidence',
    plant: ({ root, payer, device }) => root(everywhere(payer, device.id, device.ownerWallet, 3000)),
  },
  {
    what: 'another receiver',
    check: 'payments_posted',
    async plant({ db, root, device, payer }) {
      const thief = newWallet()
      await db.open(thief)
      // What was paid goes on to the thief under the name of the payment.
      await root(
        `${moved(device.ownerWallet, thief, 2500, 'fee', device.id, 1)};
         UPDATE offline_transactions SET receiver = '${thief}' WHERE device_id = '${device.id}' AND sender = '${payer}'`,
      )
    },
  },
  {
    what: 'another sender',
    check: 'bundle_evidence',
    async plant({ db, root, device }) {
      const victim = newWallet()
      await db.open(victim, 10_000)
      await root(
        `UPDATE offline_transactions SET sender = '${victim}' WHERE device_id = '${device.id}';
         UPDATE wallet_core.transfers SET debit_account_id = (
           SELECT account_id FROM wallet_core.accounts WHERE wallet_id = '${victim}') WHERE source_id = '${device.id}'`,
      )
    },
  },
  {
    what: 'a second posting of a payment, as its fee',
    check: 'fees',
    plant: ({ owner, payer, device }) =>
      owner(
        `SELECT * FROM wallet_core.post_transfers('fee', ARRAY[wallet_core.request_payment(
           $3, 1, 'merchant', $1, $2, 2500, 'XOF', NULL, NULL, NULL, NULL)], now())`,
        [payer, device.ownerWallet, device.id],
      ),
  },
  {
    what: 'a balance changed without an entry: 600 000 000 F by one statement',
    check: 'account_balances',
    plant: ({ owner, payer }) =>
      owner('UPDATE wallet_core.accounts SET balance_minor = balance_minor + 600000000 WHERE wallet_id = $1', [payer]),
  },
  {
    what: 'an entry without its other side, with triggers off',
    check: 'transfer_entries',
    plant: ({ root, payer }) =>
      root(
        `INSERT INTO wallet_core.entries
         SELECT account_id, entry_seq + 1, uuidv7(), 5000, balance_minor + 5000, now() FROM wallet_core.accounts WHERE wallet_id = '${payer}';
         UPDATE wallet_core.accounts SET entry_seq = entry_seq + 1, balance_minor = balance_minor + 5000 WHERE wallet_id = '${payer}'`,
      ),
  },
  {
    what: 'a recorded bundle that its device has not signed, by the login that records',
    check: 'bundle_evidence',
    async plant({ as, device, bundle, receipt }) {
      const forged = Buffer.from(bundle)
      forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1)
      await as('record', RECORDED, [device.id, forged, receipt, []])
    },
  },
  {
    what: 'a recorded bundle with a receipt that the edge has not signed, by the login that records',
    check: 'bundle_evidence',
    async plant({ as, device, bundle }) {
      const forged = await signSign1(device.signer, new Uint8Array([0xa0]), new Uint8Array([0xa0]), 'molam-receipt-v1')
      await as('record', RECORDED, [device.id, bundle, Buffer.from(forged), []])
    },
  },
  {
    what: 'a large payment without its payer’s word, by the login that settles',
    check: 'debit_authority',
    async plant(scene) {
      const { db, device } = scene
      const victim = newWallet()
      await db.open(victim, 100_000)
      await postAgain(scene, device.payment({ sender: victim, amount: amountMinor(50_000) }))
    },
  },
  {
    what: 'a large payment that no agent approved, by the login that settles',
    check: 'agent_approvals',
    async plant(scene) {
      const { db, device } = scene
      await db.owner.query("SELECT wallet_core.fund($1, '{1}', ARRAY[$2], '{100000}', 'XOF', now())", [
        `for ${device.id}`,
        device.ownerWallet,
      ])
      const receiver = newWallet()
      await db.open(receiver)
      const over = { type: 'p2p', sender: device.ownerWallet, receiver, amount: amountMinor(60_000) } as const
      device.signsForPayers = false
      await postAgain(scene, device.payment(over))
    },
  },
  {
    what: 'a large payment with an approval that its agent has not signed, by the login that settles',
    check: 'bundle_evidence',
    async plant(scene) {
      const { world, db, device } = scene
      await db.owner.query("SELECT wallet_core.fund($1, '{1}', ARRAY[$2], '{100000}', 'XOF', now())", [
        `for ${device.id}`,
        device.ownerWallet,
      ])
      const [receiver, agent] = [newWallet(), await world.device('agent')]
      await db.open(receiver)
      world.network.send(world.facts(agent))
      const over = { type: 'p2p', sender: device.ownerWallet, receiver, amount: amountMinor(60_000) } as const
      const payment = device.payment(over)
      const approval = await approve(agent, payment, device.id, { over: { amount: amountMinor(100) } })
      const requestId = parseApproval(approval).claims.requestId
      await postAgain(scene, { ...payment, approval }, [agent.id, Buffer.from(requestId)])
    },
  },
  {
    what: 'a reversal that nobody asked for, recorded by one login and carried out by the other',
    check: 'resolution_evidence',
    async plant({ as, device }) {
      await as(
        'record',
        `INSERT INTO offline_resolutions (device_id, rev, counter, bundle_id, choice, reason, actors, content_hash, message, decided_at, recorded_at)
         SELECT device_id, 1, 1, bundle_id, 'reverse', 'duplicate', '{user:anna,user:bo}', digest, receipt, now(), now()
         FROM offline_signed_bundles WHERE device_id = $1`,
        [device.id],
      )
      await as('settle', 'SELECT * FROM offline_apply_reversals(ARRAY[$1], now())', [device.id])
    },
  },
  {
    what: 'a refund that is said to be of a payment that somebody else made',
    check: 'refunds',
    async plant(scene) {
      const { world, db, device, root } = scene
      const other = newWallet()
      await db.open(other, 10_000)
      await given(scene, 1000)
      world.network.send(await world.admit(device, [device.payment({ sender: other })]))
      await settled(world, db, device, 3)
      await root(
        `UPDATE offline_transactions SET refund_of_counter = 3 WHERE device_id = '${device.id}' AND counter = 2`,
      )
    },
  },
  {
    what: 'the whole of a payment reversed that was given back in part',
    check: 'refunds',
    async plant(scene) {
      const { db, device, payer, root } = scene
      await db.open(device.ownerWallet, 5000, { kind: 'merchant' })
      await given(scene, 1000)
      await root(
        `${moved(device.ownerWallet, payer, 2500, 'reversal', device.id, 1)};
         UPDATE offline_transactions SET status = 'reversed', reversal_transfer_id = (
           SELECT transfer_id FROM wallet_core.transfers WHERE kind = 'reversal' AND source_id = '${device.id}')
         WHERE device_id = '${device.id}' AND counter = 1`,
      )
    },
  },
  {
    what: 'a refund of a payment that has not that much left, with triggers off',
    check: 'refunds',
    async plant(scene) {
      const { device, payer, root } = scene
      await given(scene, 1000)
      await root(
        `${moved(device.ownerWallet, payer, 1500, 'payment', device.id, 7)};
         INSERT INTO offline_transactions
         SELECT (jsonb_populate_record(t, jsonb_build_object('counter', 7, 'amount_minor', 1501, 'transfer_id', (
           SELECT transfer_id FROM wallet_core.transfers WHERE source_id = '${device.id}' AND source_no = 7)))).*
         FROM offline_transactions t WHERE device_id = '${device.id}' AND counter = 2`,
      )
    },
  },
  {
    what: 'a payment said to have succeeded that was not posted',
    check: 'payments_posted',
    async plant({ world, db, owner, device, payer }) {
      // More than there is.
      world.network.send(await world.admit(device, [device.payment({ sender: payer, amount: amountMinor(9000) })]))
      await settled(world, db, device, 2)
      await owner(
        `UPDATE offline_transactions SET status = 'succeeded', reason = NULL, transfer_id = uuidv7() WHERE device_id = $1 AND counter = 2`,
        [device.id],
      )
    },
  },
  {
    what: 'a policy that was changed after it was recorded, with triggers off',
    check: 'audit_policies',
    plant: ({ root }) => root(`UPDATE offline_policies SET require_payer_proof_above = 900000 WHERE country = 'TG'`),
  },
  {
    what: 'a device’s key exchanged in the registry',
    check: 'device_evidence',
    plant: ({ owner, device }) =>
      owner(
        `UPDATE offline_device_keys SET public_key = (
           SELECT public_key FROM offline_device_keys WHERE device_id <> $1 LIMIT 1) WHERE device_id = $1`,
        [device.id],
      ),
  },
  {
    what: 'a device’s wallet exchanged in the registry, by the login that records',
    check: 'device_evidence',
    plant: ({ as, device }) =>
      as('record', `UPDATE offline_devices SET owner_wallet = 'W-THIEF' WHERE device_id = $1`, [device.id]),
  },
]

/** The device gives back a part of the scene's payment. */
async function given({ world, db, device, payer }: Scene, amount: number): Promise<void> {
  const back = { sender: device.ownerWallet, receiver: payer, amount: amountMinor(amount), refundOf: { counter: 1 } }
  world.network.send(await world.admit(device, [device.payment({ type: 'refund', ...back })]))
  await settled(world, db, device, 2)
}

export const KINDS: readonly Kind[] = [...POSTINGS, ...WORDS]

/** @returns whether all of it stood in the book before the verifier spoke */
export async function planted({ plant }: Kind, scene: Scene): Promise<boolean> {
  try {
    await plant(scene)
    return true
  } catch (error) {
    if (error instanceof Error && error.message.includes('settlement is halted')) return false
    throw error
  }
}

const RECORDED = `
  INSERT INTO offline_signed_bundles (device_id, bundle_id, digest, bundle, receipt, payments, recorded_at)
  SELECT $1, '7' || substr(bundle_id, 2), digest, $2, $3, $4::text[]::offline_signed_payment[], now()
  FROM offline_signed_bundles WHERE device_id = $1 LIMIT 1`
