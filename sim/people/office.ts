import { signSign1 } from '../../src/crypto/sign1.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import type { Role } from '../../src/edge/auth/person.ts'
import { toBase64url } from '../../src/protocol/bytes.ts'
import { encodeDeviceProofHeader } from '../../src/protocol/device-proof.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import type { Country } from '../../src/protocol/policy.ts'
import type { SimIssuer } from './issuer.ts'

/** What the office asks of the edge, and what it was answered. */
export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

const REASON = { reason: 'the shop was seen' }

/** Operators and reviewers, who call the admin API as their tools do. A call that fails on the way they make again, with the same key. */
export class Office {
  readonly #apiUrl: string
  readonly #issuer: SimIssuer
  readonly #edge: (request: Request) => Promise<Response>

  constructor(apiUrl: string, issuer: SimIssuer, edge: (request: Request) => Promise<Response>) {
    this.#apiUrl = apiUrl
    this.#issuer = issuer
    this.#edge = edge
  }

  /** @throws what the network throws */
  async ask(
    who: string,
    role: Role,
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    key?: string,
  ): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${await this.#issuer.token(who, role)}`,
      'content-type': 'application/json',
      ...(key !== undefined && { 'idempotency-key': key }),
    }
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
    const answer = await this.#edge(new Request(this.#apiUrl + path, init))
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }

  /** @param privateKey of the device, which proves that it holds it @throws Error when the edge refuses */
  async register(
    id: string,
    country: Country,
    ownerWallet: string,
    privateKey: Uint8Array,
    tenant = 'molam',
  ): Promise<void> {
    const path = '/offline/devices'
    const key = await this.#proven(id, privateKey, path)
    const body = { device_id: id, country, tenant, owner_wallet: ownerWallet, ...key }
    const { status, body: said } = await this.ask('ops', 'pay_admin', 'POST', path, body)
    if (status !== 201 && status !== 200) throw new Error(`registering ${id}: ${status} ${JSON.stringify(said)}`)
  }

  /** Two people say that the device may debit its owner's wallet. @throws Error when the edge refuses */
  async consent(id: string): Promise<void> {
    const path = `/offline/devices/${id}/consents`
    const { status, body } = await this.ask('ops', 'pay_admin', 'POST', path, REASON)
    const asked = body['asked'] as { readonly request: string } | null | undefined
    if (status !== 201 || !asked) throw new Error(`asking for ${id}: ${status} ${JSON.stringify(body)}`)
    const said = await this.ask('ops-2', 'pay_admin', 'POST', `${path}/${asked.request}/confirm`, REASON)
    if (said.status !== 200) throw new Error(`confirming for ${id}: ${said.status} ${JSON.stringify(said.body)}`)
  }

  /** Gives a device another key: the old one may still have signed what is on its way, or was lost. */
  async rotate(
    id: string,
    privateKey: Uint8Array,
    oldKey: 'retire' | 'revoke',
    idempotencyKey: string,
  ): Promise<Answer> {
    const path = `/offline/devices/${id}/keys`
    const body = { ...(await this.#proven(id, privateKey, path)), old_key: oldKey }
    return this.ask('ops', 'pay_admin', 'POST', path, body, idempotencyKey)
  }

  async #proven(id: string, privateKey: Uint8Array, path: string) {
    const signer = await webCryptoSuite.es256Signer(privateKey)
    const { alg, bytes } = signer.key
    const header = encodeDeviceProofHeader({
      alg,
      kid: await keyId(webCryptoSuite, signer.key),
      deviceId: deviceId(id),
      issuedAtMs: Date.now(),
      nonce: crypto.getRandomValues(new Uint8Array(16)),
      htm: 'POST',
      htu: this.#apiUrl + path,
    })
    const proof = await signSign1(signer, header, new Uint8Array(), 'molam-device-proof-v1')
    return {
      public_key: { kty: 'EC', crv: 'P-256', x: toBase64url(bytes.slice(1, 33)), y: toBase64url(bytes.slice(33)) },
      proof: toBase64url(proof),
    }
  }
}
