import { signAsEdge } from '../../src/crypto/sign1.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { fromHex } from '../../src/protocol/bytes.ts'
import { deviceId, ulidText } from '../../src/protocol/ids.ts'
import type { SettleMessage } from '../../src/protocol/messages.ts'
import { encodeReceipt } from '../../src/protocol/receipt.ts'
import { encodeSettleMessage } from '../../src/protocol/settle-codec.ts'
import { newScalar } from '../people/keys.ts'
import { customerOf } from '../people/market.ts'
import type { Rogue } from '../people/rogue.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

type Forged = (rogue: Rogue, world: World, random: Random) => Promise<SettleMessage | undefined>

/** What whoever can write to the settle queue might put there. None of it may move money, or change what is known of a device. */
const FORGED: Readonly<Record<string, Forged>> = {
  'a key of his for an honest device': async (_rogue, world, random) => {
    const signer = await webCryptoSuite.es256Signer(newScalar(random))
    const { id, facts } = random.pick(world.devices)
    return {
      ...{ kind: 'device', deviceId: deviceId(id), rev: 1_000, status: 'active', atMs: world.scheduler.nowMs },
      ...{ alg: signer.key.alg, kid: await keyId(webCryptoSuite, signer.key), publicKey: signer.key.bytes },
      ...{ country: facts.country, tenant: 'molam', ownerWallet: facts.wallet },
    }
  },
  'another bundle with an honest receipt': async (rogue, { receipts }) => {
    const first = await rogue.sign([rogue.small(rogue.nextCounter, customerOf(0))])
    const other = await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(1))], first)
    if ((await rogue.push(first)) !== 'admitted') return undefined
    const seen = receipts.seen.get(`${rogue.id}/${ulidText(first.bundleId)}`)
    if (seen === undefined) return undefined
    return { kind: 'bundle', deviceId: deviceId(rogue.id), bundle: other.bytes, receipt: fromHex(seen.signed) }
  },
  'a receipt of his own': async (rogue, { receipts, scheduler }, random) => {
    const [known] = [...receipts.seen.values()]
    if (known === undefined) return undefined
    const bundle = await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(2))])
    const { bundleId, digest, seq } = bundle
    const own = {
      deviceId: deviceId(rogue.id),
      bundleId,
      digest,
      seq,
      receivedAtMs: Math.floor(scheduler.nowMs),
      exceptions: [],
    }
    const [firstCounter, lastCounter] = [rogue.nextCounter - 1, rogue.nextCounter - 1]
    const receipt = encodeReceipt({ ...known.receipt, ...own, status: 'pushed', firstCounter, lastCounter })
    const signer = await webCryptoSuite.es256Signer(newScalar(random))
    const signed = await signAsEdge(signer, await keyId(webCryptoSuite, signer.key), receipt, 'molam-receipt-v1')
    return { kind: 'bundle', deviceId: deviceId(rogue.id), bundle: bundle.bytes, receipt: signed }
  },
  'what nobody decided': async (_rogue, { receipts, scheduler }, random) => {
    const all = [...receipts.seen.values()]
    if (all.length === 0) return undefined
    const { deviceId, bundleId, seq, firstCounter } = random.pick(all).receipt
    const about = {
      deviceId,
      bundleId,
      seq,
      rev: 1_000,
      decidedAtMs: Math.floor(scheduler.nowMs),
      actors: ['binta', 'dior'],
    }
    return random.chance(0.5)
      ? { kind: 'review', ...about, choices: [{ counter: firstCounter, choice: 'approve' }] }
      : { kind: 'reversal', ...about, counter: firstCounter, reason: 'fraud' }
  },
}

/** Somebody writes to the settle queue without the edge's keys. */
export const forge: Operation = {
  weight: 0.8,
  async run(world, _device, random) {
    const { rogue, edge } = world
    if (!rogue.isRegistered) return '(ROGUE-1) has no device yet'
    const what = random.pick(Object.keys(FORGED))
    const message = await FORGED[what]?.(rogue, world, random)
    if (message === undefined) return '(ROGUE-1) has nothing to forge'
    const sent = await edge.env.SETTLE_QUEUE.send(encodeSettleMessage(message) as never, { contentType: 'bytes' }).then(
      () => 'sent',
      () => 'not sent',
    )
    return `(ROGUE-1) puts ${what} into the settle queue: ${sent}`
  },
}

/** Higher than any of an object's. */
const FORGED_REV = 1_000_000

/** Somebody writes to the index queue: a row that shows an honest device as another would have it. */
export const forgeIndex: Operation = {
  weight: 0.6,
  async run(world, device, random) {
    const { id, facts } = device
    const row = { deviceId: id, tenant: 'molam', country: facts.country, status: 'revoked', alg: -7, kid: '00' }
    const forged = { device: { ...row, rev: FORGED_REV, registeredAt: 0, ownerWalletFault: null } }
    const mac = random.chance(0.5) ? {} : { mac: 'A'.repeat(43) }
    const queue = world.edge.env.INDEX_QUEUE
    const sent = await queue.send({ ...forged, ...mac } as never, { contentType: 'v8' }).then(
      () => 'sent',
      () => 'not sent',
    )
    const isShown = await shown(world, id)
    if (isShown) world.wrong.push(`${id} is shown as revoked, and no object said so`)
    return `(thief) puts ${id} as revoked into the index queue: ${sent}`
  },
}

/** Looks for as long as the queue usually takes: later the edge may have mended what it showed. */
async function shown({ edge, scheduler }: World, id: string): Promise<boolean> {
  for (let looks = 0; looks < 10; looks++) {
    await scheduler.sleep(500)
    if (edge.readD1('SELECT 1 FROM offline_devices WHERE device_id = ? AND rev = ?', id, FORGED_REV).length > 0)
      return true
  }
  return false
}
