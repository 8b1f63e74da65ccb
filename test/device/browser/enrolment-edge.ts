import { publicKeyOf } from '../../../src/crypto/public-key.ts'
import { verifySign1 } from '../../../src/crypto/sign1.ts'
import type { PublicKey } from '../../../src/crypto/suite.ts'
import { keyId } from '../../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import type { Fetch, HttpRequest, HttpResponse } from '../../../src/device/sdk/index.ts'
import { equalBytes, fromBase64url, toHex } from '../../../src/protocol/bytes.ts'
import { parseDeviceProof } from '../../../src/protocol/device-proof.ts'
import { PROBLEM_MEDIA_TYPE, type ProblemCode, problem } from '../../../src/protocol/problems.ts'
import { API, answer, TestEdge } from '../sdk/edge.ts'

/**
 * `POST /offline/enrol` as the edge answers it, for one device and one code; once the device is enrolled, a `TestEdge` with
 * its key answers the rest.
 */
export class EnrolmentEdge {
  readonly code = '7H2K-9QXA-0M4V-ZR3D'
  /** The next answers are lost after the edge has done what was asked. */
  losesAnswers = 0
  requests = 0
  codeExpired = false
  /** How far the edge's clock is ahead of the machine's. */
  aheadMs = 0
  edge: TestEdge | undefined
  #kid: Uint8Array | undefined

  readonly fetch: Fetch = async (url, request) => {
    const enrolling = url === `${API}/offline/enrol`
    if (enrolling) this.requests++
    const response = await (enrolling ? this.#enrol(request) : this.#other(url, request))
    if (this.losesAnswers === 0) return response
    this.losesAnswers--
    throw new TypeError('socket hang up')
  }

  async #other(url: string, request: HttpRequest): Promise<HttpResponse> {
    return this.edge ? this.edge.fetch(url, request) : this.#refuse('invalid_signature')
  }

  async #enrol(request: HttpRequest): Promise<HttpResponse> {
    const body = JSON.parse(new TextDecoder().decode(request.body)) as {
      code: string
      public_key: object
      proof: string
    }
    const proof = parseDeviceProof(fromBase64url(body.proof))
    if (body.code !== this.code || this.codeExpired) return this.#refuse('enrolment_code_invalid')
    const key: PublicKey = await publicKeyOf(body.public_key as Record<string, unknown>)
    const kid = await keyId(webCryptoSuite, key)
    const { htm, htu, issuedAtMs, kid: claimed } = proof.claims
    const holds =
      equalBytes(claimed, kid) &&
      htm === 'POST' &&
      htu === `${API}/offline/enrol` &&
      (await verifySign1(await webCryptoSuite.verifier(key), proof, 'molam-device-proof-v1'))
    if (!holds) return this.#refuse('key_not_proven')
    if (Math.abs(issuedAtMs - this.#nowMs()) >= 1_800_000) return this.#refuse('clock_skew')
    if (this.#kid && !equalBytes(this.#kid, kid)) return this.#refuse('enrolment_code_invalid')
    const status = this.#kid ? 200 : 201
    this.#kid = kid
    this.edge ??= await TestEdge.create(() => this.#nowMs(), key)
    const answered = { device_id: proof.claims.deviceId, kid: toHex(kid) }
    return answer(status, 'application/json', new TextEncoder().encode(JSON.stringify(answered)))
  }

  #refuse(code: ProblemCode): HttpResponse {
    const body = problem(code, code === 'clock_skew' ? { server_time: this.#nowMs() } : {})
    return answer(body.status, PROBLEM_MEDIA_TYPE, new TextEncoder().encode(JSON.stringify(body)))
  }

  #nowMs(): number {
    return Date.now() + this.aheadMs
  }
}
