import { type BookRows, rowsOf } from './rows.ts'
import type { ModelState } from './state.ts'

/** What names a row of each table; everything else in it is what has to be equal. */
const NAMED_BY: Readonly<Record<keyof BookRows, readonly string[]>> = {
  payments: ['device_id', 'counter'],
  copies: ['device_id', 'counter', 'bundle_id'],
  bundles: ['device_id', 'bundle_id'],
  accounts: ['wallet_id'],
  transfers: ['kind', 'source_id', 'source_no'],
  holds: ['source_id', 'source_no'],
  allowances: ['device_id', 'no'],
  resolutions: ['device_id', 'rev', 'counter'],
  answers: ['payer_device_id', 'rev'],
  devices: ['device_id'],
  keys: ['device_id', 'kid'],
}

const WORD: Readonly<Record<keyof BookRows, string>> = {
  payments: 'payment',
  copies: 'copy',
  bundles: 'bundle',
  accounts: 'account',
  transfers: 'transfer',
  holds: 'hold',
  allowances: 'allowance',
  resolutions: 'resolution',
  answers: 'answer',
  devices: 'device',
  keys: 'key',
}

/**
 * Holds a book against the model that followed it (follow.ts): each payment's status and reason, each balance and hold,
 * each transfer. Ids that SQL makes and times are no part of it.
 *
 * @param model brought up to the same moment
 * @returns sentences, none when the two agree
 */
export function disagreements(model: ModelState, book: BookRows): readonly string[] {
  const own = rowsOf(model)
  return (Object.keys(NAMED_BY) as (keyof BookRows)[]).flatMap((table) => differences(table, own[table], book[table]))
}

function differences(table: keyof BookRows, model: readonly object[], book: readonly object[]): readonly string[] {
  const [inModel, inBook] = [named(table, model), named(table, book)]
  const doubled = inBook.size === book.length ? [] : [`The book has a ${WORD[table]} twice.`]
  const names = [...new Set([...inModel.keys(), ...inBook.keys()])].sort()
  return names.reduce<string[]>((sentences, name) => {
    const [said, found] = [inModel.get(name), inBook.get(name)]
    const what = `${WORD[table]} ${name}`
    if (found === undefined) sentences.push(`The model has ${what}, and the book has not.`)
    else if (said === undefined) sentences.push(`The book has ${what}, and the model has not.`)
    else sentences.push(...fieldsThatDiffer(what, said, found))
    return sentences
  }, doubled)
}

function named(table: keyof BookRows, rows: readonly object[]): ReadonlyMap<string, Fields> {
  return new Map((rows as readonly Fields[]).map((row) => [NAMED_BY[table].map((field) => row[field]).join('/'), row]))
}

type Fields = Readonly<Record<string, string | number | boolean | null>>

/** @returns a sentence for each field that the two say differently */
export function fieldsThatDiffer(what: string, model: Fields, book: Fields): readonly string[] {
  return Object.keys(model).flatMap((field) =>
    model[field] === book[field]
      ? []
      : [`In ${what}, ${field} is ${book[field]} in the book and ${model[field]} in the model.`],
  )
}
