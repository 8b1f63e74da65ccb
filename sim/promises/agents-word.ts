import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toHex, utf8 } from '../../src/protocol/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor, Tagged } from '../../src/protocol/cbor.ts'
import { parse } from '../../src/protocol/parse.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Agents } from '../people/agents.ts'
import type { World } from '../world.ts'
import type { Word } from './payers-word.ts'

const GOOD_FOR_MINUTES = 15

interface Read {
  readonly agentId: CborValue | undefined
  readonly signedAtS: number
  /** Hex. */
  readonly request: string
  readonly header: Uint8Array
  readonly signature: Uint8Array
}

/** Whether the agent gave his word, asked of his phone itself; it reads the bytes by itself. */
export class AgentsWord {
  readonly #agents: Agents

  constructor({ agents }: Pick<World, 'agents'>) {
    this.#agents = agents
  }

  /**
   * `given`: the agent signed this very payment of this device, about when it was taken. `false`: somebody signed something. `none`:
   * it has not the form of an approval, is the taker's own, or of another time.
   */
  async of(payment: Payment, takerId: string, skewMinutes: number): Promise<Word> {
    const read = readOf(payment.approval)
    if (read === undefined || read.agentId === takerId) return 'none'
    const minutes = (payment.initiatedAtMs / 1000 - read.signedAtS) / 60
    if (minutes < -skewMinutes || minutes > GOOD_FOR_MINUTES + skewMinutes) return 'none'
    const { honest } = this.#agents
    if (read.agentId !== honest.deviceId) return 'false'
    const { type, amount, currency, sender, receiver } = payment
    const terms = encodeCbor([type, amount, currency, sender, receiver, takerId])
    const signed = encodeCbor(['Signature1', read.header, utf8('molam-agent-approval-v1'), terms])
    const verifier = await webCryptoSuite.verifier(honest.signer.key)
    return (await verifier.verify(signed, read.signature)) ? 'given' : 'false'
  }

  /** Names the taker's request that a payment carries the answer to: it is good for one. */
  requestOf({ approval }: Payment): string | undefined {
    return readOf(approval)?.request
  }
}

function readOf(approval: Uint8Array | undefined): Read | undefined {
  const read = approval && parse(() => decodeCbor(approval))
  if (!read?.ok || !(read.value instanceof Tagged) || !Array.isArray(read.value.value)) return undefined
  const [header, , payload, signature] = read.value.value as readonly CborValue[]
  if (!(header instanceof Uint8Array) || payload !== null || !(signature instanceof Uint8Array)) return undefined
  const fields = parse(() => decodeCbor(header))
  const claims = fields.ok && fields.value instanceof Map ? fields.value.get(15) : undefined
  if (!(claims instanceof Map)) return undefined
  const [agentId, signedAtS, request] = [claims.get(1), claims.get(6), claims.get(7)]
  if (typeof signedAtS !== 'number' || !(request instanceof Uint8Array) || request.length !== 16) return undefined
  return { agentId, signedAtS, request: toHex(request), header, signature }
}
