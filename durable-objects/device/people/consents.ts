import { signConsent } from '../../../src/crypto/consent.ts'
import type { KeyProvider } from '../../../src/crypto/key-provider.ts'
import { thumbprint } from '../../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import { type Consent, type ConsentGiver, deviceName } from '../../../src/protocol/consent.ts'
import type { SignedConsentWord } from '../../../src/protocol/consent-word.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import type { ConsentRequest, HeldConsent } from '../consent.ts'
import type { Delivery } from '../owed/delivery.ts'
import { OwingPart } from '../owed/owing-part.ts'
import type { Actor, ChangeRefusal, Person } from '../person.ts'
import { type ShownConsents, shownConsents } from '../shown-consents.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import {
  readDevice,
  takeRoom,
  writeCodeRequest,
  writeConsentRequest,
  writeConsents,
  writeWithdrawn,
} from '../sql/device-store.ts'
import { addRegistrar } from './administration.ts'
import { changeBy } from './change.ts'
import { withoutCode } from './code-asking.ts'
import { Codes } from './codes.ts'
import {
  givenBy,
  mayConfirm,
  mayTakeWord,
  type PayingGiver,
  type WordRefusal,
  withConsent,
  withdrawn,
  withoutWordsOf,
} from './consenting.ts'

/** What people and devices say about a device's consent: each change is one transaction with its audit record, and then owed like the other facts. */
export class Consents extends OwingPart {
  readonly #keys: () => Promise<KeyProvider>
  /** The holder's word, by a code. */
  readonly codes: Codes

  constructor(storage: DurableObjectStorage, delivery: Delivery, keys: () => Promise<KeyProvider>) {
    super(storage, delivery)
    this.#keys = keys
    this.codes = new Codes(storage, delivery, (device, terms, givenAtMs) => this.#sign(device, terms, givenAtMs))
  }

  /** The newest request takes the place of one that nobody confirmed. @param id ULID text */
  ask(id: string, untilMs: number, by: Person, reason: string): Result<ShownConsents, ChangeRefusal> {
    return changeBy(this.storage, this.delivery, by, (device, nowMs) => {
      if (device.status === 'revoked') return err('state_conflict')
      const { actor } = by
      const consentRequest = { id, kid: toHex(device.kid), askedBy: actor, askedAtMs: nowMs, untilMs }
      writeConsentRequest(this.sql, consentRequest)
      addRegistrar(this.sql, device, actor)
      const detail = { request: id, kid: consentRequest.kid, until: untilMs, reason }
      return ok([
        shownConsents({ ...device, consentRequest }),
        [writeAuditRecord(this.sql, nowMs, by, 'consent_asked', detail)],
      ])
    })
  }

  /** Signs first: what was signed for a request that is another by then is thrown away. */
  async confirm(id: string, by: Person, reason: string): Promise<Result<ShownConsents, ChangeRefusal>> {
    const before = readDevice(this.sql)
    const givenAtMs = Date.now()
    const may = mayConfirm(before, id, by.actor, givenAtMs)
    const given = may.ok ? await this.#sign(before, termsOf(may.value, by), givenAtMs) : undefined
    return changeBy(this.storage, this.delivery, by, (device, nowMs) => {
      const still = mayConfirm(device, id, by.actor, nowMs)
      if (!still.ok) return still
      if (given === undefined || !equalBytes(device.kid, before.kid)) return err('state_conflict')
      const consents = withConsent(device.consents, given)
      writeConsents(this.sql, consents, nowMs)
      addRegistrar(this.sql, device, by.actor)
      const { kid, askedBy, untilMs } = still.value
      const detail = { request: id, kid, asked_by: askedBy, until: untilMs, reason }
      return ok([
        shownConsents({ ...device, consents, consentRequest: null }),
        [writeAuditRecord(this.sql, nowMs, by, 'consent_given', detail)],
      ])
    })
  }

  /** Whoever sees that something is wrong need not wait for anybody. Where nothing is there, a word may be on its way: it gives nothing any more. */
  withdraw(by: Person, reason: string): Result<ShownConsents, ChangeRefusal> {
    return changeBy(this.storage, this.delivery, by, (device, nowMs) => {
      const code = withoutCode(device, by.actor, nowMs)
      const given = withdrawn({ ...device, consents: code?.consents ?? device.consents }, by.actor, nowMs)
      const consents = given ?? code?.consents
      writeWithdrawn(this.sql, nowMs)
      if (code) writeCodeRequest(this.sql, code.request)
      if (consents) writeConsents(this.sql, consents, nowMs)
      const codeRequest = code?.request ?? device.codeRequest
      return ok([
        shownConsents({ consents: consents ?? device.consents, consentRequest: null, codeRequest }),
        [writeAuditRecord(this.sql, nowMs, by, 'consent_withdrawn', { reason })],
      ])
    })
  }

  /** Signs first, as `confirm` does. A word that is in force gives the same again. */
  async takeWord(
    signed: SignedConsentWord,
    encoded: Uint8Array,
    giver: PayingGiver,
    by: Actor,
  ): Promise<Result<{ readonly untilMs: number }, WordRefusal>> {
    const before = readDevice(this.sql)
    const given = before.status === 'active' ? givenBy(before.consents, signed) : undefined
    if (given !== undefined) return ok({ untilMs: given.untilMs })
    // Not later: by the giver's own facts it paid at that moment, and the book asks no more than that.
    const givenAtMs = giver.atMs
    const may = mayTakeWord(before, signed, giver.untilMs, Date.now())
    if (!may.ok) return may
    const { deviceId: giverId, kid } = signed.claims
    const names = { askedBy: deviceName(before.deviceId), confirmedBy: deviceName(giverId) }
    const terms = { ...names, untilMs: may.value, word: encoded }
    const named = { deviceId: giverId, kid: toHex(kid), madeAtMs: signed.word.madeAtMs }
    const held = { ...(await this.#sign(before, terms, givenAtMs)), giver: named }
    let audit: AuditRecord | undefined
    const taken = this.storage.transactionSync((): Result<{ readonly untilMs: number }, WordRefusal> => {
      const nowMs = Date.now()
      const device = readDevice(this.sql)
      const known = device.status === 'active' ? givenBy(device.consents, signed) : undefined
      if (known !== undefined) return ok({ untilMs: known.untilMs })
      const still = mayTakeWord(device, signed, giver.untilMs, nowMs)
      if (!still.ok) return still
      if (!takeRoom(this.sql, held.signed.length, nowMs)) return err('rate_limited')
      writeConsents(this.sql, withConsent(device.consents, held), nowMs)
      const detail = { kid: toHex(device.kid), giver: giverId, giver_kid: toHex(kid), until: held.untilMs }
      audit = writeAuditRecord(this.sql, nowMs, by, 'consent_given', detail)
      return ok({ untilMs: held.untilMs })
    })
    if (audit !== undefined) this.delivery.sendDevice(readDevice(this.sql), [audit])
    return taken
  }

  endWordsOf(givers: readonly ConsentGiver[], by: Actor): void {
    if (givers.length === 0) return
    const nowMs = Date.now()
    const audit = this.storage.transactionSync((): AuditRecord | undefined => {
      const consents = withoutWordsOf(readDevice(this.sql).consents, givers, nowMs)
      if (consents === undefined) return undefined
      writeConsents(this.sql, consents, nowMs)
      const detail = {
        givers: givers.map(({ deviceId }) => deviceId).join(' '),
        reason: 'the giver does not pay any more',
      }
      return writeAuditRecord(this.sql, nowMs, by, 'consent_withdrawn', detail)
    })
    if (audit !== undefined) this.delivery.sendDevice(readDevice(this.sql), [audit])
  }

  async #sign(
    { deviceId, ownerWallet: wallet, tenant, alg, publicKey }: ReturnType<typeof readDevice>,
    terms: Pick<Consent, 'askedBy' | 'confirmedBy' | 'untilMs' | 'word' | 'code'>,
    givenAtMs: number,
  ): Promise<HeldConsent> {
    const consent = {
      ...{ wallet, deviceId, tenant, ...terms, givenAtMs },
      thumbprint: await thumbprint(webCryptoSuite, { alg, bytes: publicKey }),
    }
    const { signed, word: _, code: __, ...held } = await signConsent(consent, await this.#keys())
    return { ...held, signed, withdrawnAtMs: null, withdrawnBy: null }
  }
}

const termsOf = ({ askedBy, untilMs }: ConsentRequest, { actor }: Person) => {
  return { askedBy, untilMs, confirmedBy: actor }
}
