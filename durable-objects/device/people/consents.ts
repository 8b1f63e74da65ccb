import { signConsent } from '../../../src/crypto/consent.ts'
import type { KeyProvider } from '../../../src/crypto/key-provider.ts'
import { thumbprint } from '../../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { type HeldConsent, type ShownConsents, shownConsents } from '../consent.ts'
import type { Delivery } from '../owed/delivery.ts'
import type { ChangeRefusal, Person } from '../person.ts'
import { writeAuditRecord } from '../sql/audit-store.ts'
import { readDevice, writeConsentRequest, writeConsents } from '../sql/device-store.ts'
import { addRegistrar } from './administration.ts'
import { changeBy } from './change.ts'
import { mayConfirm, withConsent, withdrawn } from './consenting.ts'

/** What people say about a device's consent: each change is one transaction with its audit record, and then owed like the other facts. */
export class Consents {
  readonly #storage: DurableObjectStorage
  readonly #delivery: Delivery
  readonly #keys: () => Promise<KeyProvider>

  constructor(storage: DurableObjectStorage, delivery: Delivery, keys: () => Promise<KeyProvider>) {
    this.#storage = storage
    this.#delivery = delivery
    this.#keys = keys
  }

  /** The newest request takes the place of one that nobody confirmed. @param id ULID text */
  ask(id: string, untilMs: number, by: Person, reason: string): Result<ShownConsents, ChangeRefusal> {
    return changeBy(this.#storage, this.#delivery, by, (device, nowMs) => {
      if (device.status === 'revoked') return err('state_conflict')
      const { actor } = by
      const consentRequest = { id, kid: toHex(device.kid), askedBy: actor, askedAtMs: nowMs, untilMs }
      writeConsentRequest(this.#sql, consentRequest)
      addRegistrar(this.#sql, device, actor)
      const detail = { request: id, kid: consentRequest.kid, until: untilMs, reason }
      return ok([
        shownConsents({ ...device, consentRequest }),
        [writeAuditRecord(this.#sql, nowMs, by, 'consent_asked', detail)],
      ])
    })
  }

  /** Signs first: what was signed for a request that is another by then is thrown away. */
  async confirm(id: string, by: Person, reason: string): Promise<Result<ShownConsents, ChangeRefusal>> {
    const before = readDevice(this.#sql)
    const givenAtMs = Date.now()
    const may = mayConfirm(before, id, by.actor, givenAtMs)
    const given = may.ok ? await this.#sign(before, may.value, by.actor, givenAtMs) : undefined
    return changeBy(this.#storage, this.#delivery, by, (device, nowMs) => {
      const still = mayConfirm(device, id, by.actor, nowMs)
      if (!still.ok) return still
      if (given === undefined || !equalBytes(device.kid, before.kid)) return err('state_conflict')
      const consents = withConsent(device.consents, given)
      writeConsents(this.#sql, consents, nowMs)
      addRegistrar(this.#sql, device, by.actor)
      const { kid, askedBy, untilMs } = still.value
      const detail = { request: id, kid, asked_by: askedBy, until: untilMs, reason }
      return ok([
        shownConsents({ consents, consentRequest: null }),
        [writeAuditRecord(this.#sql, nowMs, by, 'consent_given', detail)],
      ])
    })
  }

  /** Whoever sees that something is wrong need not wait for anybody. What is not there is withdrawn already. */
  withdraw(by: Person, reason: string): Result<ShownConsents, ChangeRefusal> {
    return changeBy(this.#storage, this.#delivery, by, (device, nowMs) => {
      const consents = withdrawn(device, by.actor, nowMs)
      if (consents === undefined) return ok([shownConsents(device), []])
      writeConsents(this.#sql, consents, nowMs)
      return ok([
        shownConsents({ consents, consentRequest: null }),
        [writeAuditRecord(this.#sql, nowMs, by, 'consent_withdrawn', { reason })],
      ])
    })
  }

  async #sign(
    { deviceId, ownerWallet: wallet, tenant, alg, publicKey }: ReturnType<typeof readDevice>,
    { askedBy, untilMs }: { readonly askedBy: string; readonly untilMs: number },
    confirmedBy: string,
    givenAtMs: number,
  ): Promise<HeldConsent> {
    const consent = {
      ...{ wallet, deviceId, tenant, askedBy, confirmedBy, givenAtMs, untilMs },
      thumbprint: await thumbprint(webCryptoSuite, { alg, bytes: publicKey }),
    }
    const { signed } = await signConsent(consent, await this.#keys())
    return { ...consent, signed, withdrawnAtMs: null, withdrawnBy: null }
  }

  get #sql(): SqlStorage {
    return this.#storage.sql
  }
}
