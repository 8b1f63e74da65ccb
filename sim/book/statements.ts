import { errorIn, letterOf, messagesOf, namedBind, namedParse, sqlOf } from './wire.ts'

/**
 * Keeps statements prepared, so that the book parses and plans each of them once a run and not each time. Clients prepare
 * nothing: their unnamed statements are given names here, by their text. Prepared statements outlive a run; what was emptied
 * at its beginning has their plans made anew.
 */
export class Statements {
  readonly #names = new Map<string, string>()
  #made = 0

  /** @param exec carries messages out */
  run(batch: Buffer, exec: (messages: Buffer) => Buffer): Buffer {
    if (letterOf(batch) !== 'P') return exec(batch)
    const [parse, bind, ...rest] = messagesOf(batch)
    if (parse === undefined || bind === undefined || letterOf(bind) !== 'B') return exec(batch)
    const sql = sqlOf(batch)
    const known = this.#names.get(sql)
    // One that failed may or may not be there: its name is not used again.
    const name = known ?? `s${++this.#made}`
    const prepared = known === undefined ? [namedParse(name, parse)] : []
    const answer = exec(Buffer.concat([...prepared, namedBind(name, bind), ...rest]))
    if (known === undefined && errorIn(answer) === undefined) this.#names.set(sql, name)
    return answer
  }
}
