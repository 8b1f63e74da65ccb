import { createHash } from 'node:crypto'
import { hash32 } from '../../dev/random.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import type { Consent } from '../../src/protocol/consent.ts'
import type { CodeVerdict } from '../../src/protocol/consent-code.ts'
import type { DeviceMessage } from '../../src/protocol/messages.ts'
import type { CodeRow, ModelState } from './state.ts'
import { walletState } from './wallet-state.ts'

const DAY_MS = 86_400_000
const PER_DAY = 3
const TRIES = 5

const rowOf = ({ codes }: ModelState, deviceId: string, no: number) =>
  codes.find((row) => row.deviceId === deviceId && row.no === no)

/** Customers have a telephone, and their wallets are its number. */
const telephoneOf = ({ book }: ModelState, wallet: string): string | undefined =>
  book.accounts.get(wallet)?.kind === 'customer' ? wallet : undefined

/** @returns the new request; undefined when it is known, or another one is newer */
export function askCode(
  state: ModelState,
  { deviceId, kid, tenant, ownerWallet: wallet, status }: DeviceMessage,
  { no, askedAtMs }: { readonly no: number; readonly askedAtMs: number },
  atMs: number,
): CodeRow | undefined {
  if (status !== 'active' || state.codes.some((row) => row.deviceId === deviceId && row.no >= no)) return undefined
  const today = state.codes.filter(
    (row) => row.wallet === wallet && row.refusal === undefined && row.recordedAtMs > atMs - DAY_MS,
  )
  const isKnown = walletState(state, wallet, tenant) === 'known'
  const hasPhone = telephoneOf(state, wallet) !== undefined
  const refusal = !isKnown
    ? 'unknown_wallet'
    : !hasPhone
      ? 'no_phone'
      : today.length >= PER_DAY
        ? 'too_many'
        : undefined
  const facts = { deviceId, no, kid: toHex(kid), wallet, tenant, askedAtMs, recordedAtMs: atMs }
  const row: CodeRow = { ...facts, refusal, answers: new Map() }
  state.codes.push(row)
  return row
}

/** The model's own code goes out. */
export function sendCode(state: ModelState, { deviceId, no, wallet, refusal }: CodeRow): void {
  const to = telephoneOf(state, wallet)
  if (refusal !== undefined || to === undefined) return
  const code = String(hash32(`${deviceId}/${no}`) % 100_000_000).padStart(8, '0')
  state.telephones.took({ to, text: `${deviceId} ${code}`, id: `${deviceId}/${no}` })
}

/** Whether what a consent says was entered is the code that went to the holder's telephone, and may count. */
export function isHolders(state: ModelState, consent: Consent): boolean {
  const { code, deviceId, wallet, tenant, thumbprint } = consent
  const row = code && rowOf(state, deviceId, code.no)
  if (code === undefined || row === undefined || row.refusal !== undefined) return false
  const isSame = row.wallet === wallet && row.tenant === tenant && row.askedAtMs === code.askedAtMs
  const to = telephoneOf(state, wallet) ?? ''
  return (
    isSame && toHex(thumbprint).startsWith(row.kid) && state.telephones.codeFor(to, deviceId, code.no) === code.digits
  )
}

/** What tells answers apart: the book has this of each. */
export const nameOf = (signed: Uint8Array): string => createHash('sha256').update(signed).digest('hex')

/** @param name of the answer: each counts once @returns whether it gives consent */
export function takeCode(state: ModelState, consent: Consent, name: string): boolean {
  const row = consent.code && rowOf(state, consent.deviceId, consent.code.no)
  if (row === undefined || row.refusal !== undefined || row.askedAtMs !== consent.code?.askedAtMs) return false
  const known = row.answers.get(name)
  if (known !== undefined) return known
  if (wrongOf(row) >= TRIES || [...row.answers.values()].includes(true)) return false
  row.answers.set(name, isHolders(state, consent))
  return row.answers.get(name) === true
}

/** The book counted an answer. @returns what is wrong with that, in a sentence */
export function countAnswer(state: ModelState, deviceId: string, no: number, name: string, isRight: boolean) {
  const row = rowOf(state, deviceId, no)
  if (row === undefined) return `The book judged a code of ${deviceId}/${no}, which was not asked for.`
  const isOver = wrongOf(row) >= TRIES || [...row.answers.values()].includes(true)
  row.answers.set(name, isRight)
  return isOver ? `The book judged one more code of ${deviceId}/${no}, which is over.` : undefined
}

const wrongOf = ({ answers }: CodeRow) => [...answers.values()].filter((isRight) => !isRight).length

/** How far the newest request of a device is. */
export function verdictOf({ codes }: ModelState, deviceId: string): CodeVerdict | undefined {
  const row = codes.filter((one) => one.deviceId === deviceId).sort((a, b) => b.no - a.no)[0]
  if (row === undefined) return undefined
  const state = [...row.answers.values()].includes(true) ? 'accepted' : (row.refusal ?? 'sent')
  return { no: row.no, state, wrong: wrongOf(row) }
}
