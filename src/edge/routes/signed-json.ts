import type { AllowanceStanding } from '../../protocol/allowances.ts'
import { toBase64url, toHex } from '../../protocol/bytes.ts'
import type { Claim } from '../../protocol/claims.ts'
import { parseSign1 } from '../../protocol/cose.ts'
import type { Debit } from '../../protocol/debits.ts'
import type { DeniedPass } from '../../protocol/denied.ts'
import { localId, ulidText } from '../../protocol/ids.ts'
import type { KeySet } from '../../protocol/keyset.ts'
import type { MandatedDebit } from '../../protocol/mandated.ts'
import { decodeNotice, type Outcome } from '../../protocol/notice.ts'
import type { Policy } from '../../protocol/policy.ts'
import { decodeReceipt, type Receipt } from '../../protocol/receipt.ts'

/** JSON forms of what devices get as CBOR, for tools and people; the signed bytes go beside them. */
export const receiptJson = (signed: Uint8Array) => saidJson(decodeReceipt(parseSign1(signed).payload))

function saidJson(receipt: Receipt) {
  return {
    device_id: receipt.deviceId,
    bundle_id: ulidText(receipt.bundleId),
    digest: toHex(receipt.digest),
    seq: receipt.seq,
    received_at: receipt.receivedAtMs,
    status: receipt.status,
    first_counter: receipt.firstCounter,
    last_counter: receipt.lastCounter,
    exceptions: receipt.exceptions.map(({ counter, ...rest }) => ({
      local_id: localId(receipt.deviceId, counter),
      ...rest,
    })),
    country: receipt.country,
    policy_version: receipt.policyVersion,
  }
}

export function noticeJson(signed: Uint8Array) {
  const notice = decodeNotice(parseSign1(signed).payload)
  const { deviceId, device } = notice
  return {
    device_id: deviceId,
    server_time: notice.serverTimeMs,
    outcomes: notice.outcomes.map((outcome) => outcomeJson(deviceId, outcome)),
    cursor: notice.cursor,
    ...(notice.policy && { policy: policyJson(notice.policy) }),
    ...(notice.keys && { keys: keySetJson(notice.keys) }),
    ...(notice.missing && { missing: notice.missing }),
    ...(device && {
      device: {
        next_counter: device.nextCounter,
        next_seq: device.nextSeq,
        prev: toHex(device.prev),
        today: device.today,
      },
    }),
    ...(notice.lastReceipt && { last_receipt: saidJson(notice.lastReceipt) }),
    ...(notice.next && { next: { counter: notice.next.nextCounter, seq: notice.next.nextSeq } }),
    ...(notice.answersNonce && { answers_nonce: toHex(notice.answersNonce) }),
    ...(notice.ownerWalletFault && { owner_wallet_fault: notice.ownerWalletFault }),
    ...(notice.paysUntilMs !== undefined && { pays_until: notice.paysUntilMs }),
    ...(notice.pass && { pass: toBase64url(notice.pass) }),
    ...(notice.denied && { denied: notice.denied.map(deniedJson) }),
    ...(notice.allowance && { allowance: allowanceJson(notice.allowance) }),
    ...(notice.claims && { claims: notice.claims.map(claimJson) }),
    ...(notice.mandated && { mandated: notice.mandated.map(mandatedJson) }),
    ...(notice.debits && { debits: notice.debits.map(debitJson) }),
  }
}

const deniedJson = ({ version, kid, untilMs, isDenied }: DeniedPass) => ({
  ...{ version, kid: toHex(kid), until: untilMs, is_denied: isDenied },
})

function allowanceJson({ untilMs, ...standing }: AllowanceStanding) {
  return { ...standing, ...(untilMs !== undefined && { until: untilMs }) }
}

function mandatedJson({ takerId, counter, type, amount, currency, receiver, ...at }: MandatedDebit) {
  return {
    local_id: localId(takerId, counter),
    ...{ type, amount, currency, receiver, initiated_at: at.initiatedAtMs, posted_at: at.postedAtMs },
  }
}

function debitJson({ takerId, counter, requestId, type, amount, currency, receiver, ...at }: Debit) {
  return {
    local_id: localId(takerId, counter),
    ...(requestId && { request_id: toHex(requestId) }),
    ...{
      type,
      amount,
      currency,
      receiver,
      initiated_at: at.initiatedAtMs,
      status: at.status,
      status_at: at.statusAtMs,
    },
    ...(at.reason !== undefined && { reason: at.reason }),
  }
}

function claimJson({ takerId, counter, contentHash, type, amount, currency, receiver, ...at }: Claim) {
  return {
    local_id: localId(takerId, counter),
    content_hash: toHex(contentHash),
    ...{ type, amount, currency, receiver, initiated_at: at.initiatedAtMs, open_until: at.openUntilMs },
  }
}

function outcomeJson(deviceId: string, { counter, status, atMs, reason, transferId }: Outcome) {
  return {
    local_id: localId(deviceId, counter),
    status,
    at: atMs,
    ...(reason !== undefined && { reason }),
    ...(transferId !== undefined && { transfer_id: transferId }),
  }
}

export function keySetJson(set: KeySet) {
  return {
    version: set.version,
    keys: set.keys.map(({ kid, use, state, publicKey }) => ({
      kid: toBase64url(kid),
      use,
      state,
      public_key: toBase64url(publicKey),
    })),
  }
}

/** A policy with the names of its columns. */
export function policyJson(policy: Policy): Record<string, unknown> {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(policy).map(([name, value]) => [snake(name), value]))
}
