import { toHex } from '../../src/protocol/bytes.ts'
import { decodeConsent } from '../../src/protocol/consent.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import type { DeviceMessage } from '../../src/protocol/messages.ts'
import { askCode, countAnswer, isHolders, nameOf } from './codes.ts'
import { type Committed, is } from './follow-statements.ts'
import type { ModelState } from './state.ts'

/**
 * What a device's facts brought of codes: its request, as the book took it or refused it, and what was entered. The book knows its
 * code by its key; the model knows what came to the telephone.
 *
 * @returns sentences about what the model would not have done
 */
export function followCodes(
  state: ModelState,
  message: DeviceMessage,
  transaction: readonly Committed[],
): readonly string[] {
  const sentences: string[] = []
  const { deviceId } = message
  for (const { values, rows } of transaction.filter(is('INSERT INTO offline_consent_codes'))) {
    const [, no, , , , askedAt, , at] = values as [string, number, Uint8Array, string, string, Date, Date, Date]
    const row = askCode(state, message, { no, askedAtMs: askedAt.getTime() }, at.getTime())
    const said = (rows as readonly { refusal: string | null }[])[0]?.refusal ?? undefined
    if (row?.refusal !== said)
      sentences.push(`The book says ${said} of code ${deviceId}/${no}, and the model ${row?.refusal}.`)
  }
  const taken = new Map((message.consents ?? []).map(({ signed }) => [nameOf(signed), signed]))
  for (const { values } of transaction.filter(is('INSERT INTO offline_consent_answers'))) {
    const [, no, digest, isRight] = values as [string, number, Uint8Array, boolean]
    const name = toHex(digest)
    const sentence = countAnswer(state, deviceId, no, name, isRight)
    if (sentence !== undefined) sentences.push(sentence)
    const signed = taken.get(name)
    if (isRight && (signed === undefined || !isHolders(state, decodeConsent(parseSign1(signed).payload)))) {
      sentences.push(`The book took a code of ${deviceId}/${no} that did not go to its holder.`)
    }
  }
  return sentences
}
