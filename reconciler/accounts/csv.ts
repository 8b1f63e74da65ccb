import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/** What was typed, or a file as a whole, is no request. The message says why, and shows nothing of it. */
export class InvalidForm extends Error {
  override name = 'InvalidForm'
}

/** What a file's columns may be: all of `required`, in any order. */
export interface Columns {
  readonly required: readonly string[]
  readonly optional: readonly string[]
}

export interface CsvRow {
  /** Of the file, the header's is 1. */
  readonly line: number
  /** By column, without what is empty; or what is wrong with the form of the line. */
  readonly content: Readonly<Record<string, string>> | CsvFault
}

export type CsvFault = 'quotes' | 'number_of_columns'

/**
 * Reads a file line by line, in UTF-8, with a header; the separator is a comma, or a semicolon where the header has none, as
 * French spreadsheets write it. None of the columns needs quotes, so a line with quotes is a fault, not a riddle.
 *
 * @param onBytes told how far it is, of how many bytes
 * @throws InvalidForm for a file that cannot be read, or a header that lacks a column
 */
export async function* readCsv(
  path: string,
  { required, optional }: Columns,
  onBytes: (read: number, size: number) => void,
): AsyncGenerator<CsvRow> {
  const { size } = await stat(path).catch(() => {
    throw new InvalidForm('the file cannot be read')
  })
  const stream = createReadStream(path, { encoding: 'utf8' })
  let header: readonly string[] | undefined
  let separator = ','
  let line = 0
  for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1
    if (header === undefined) {
      separator = text.includes(',') ? ',' : ';'
      header = cellsOf(text.replace(/^\uFEFF/, ''), separator)
      const missing = required.filter((column) => !header?.includes(column))
      const unknown = header.filter((column) => !required.includes(column) && !optional.includes(column))
      if (missing.length > 0) throw new InvalidForm(`the file has no column ${missing.join(', ')}`)
      if (unknown.length > 0 || new Set(header).size < header.length) {
        throw new InvalidForm(`columns are ${[...required, ...optional].join(', ')}, each once`)
      }
    } else if (text.trim() !== '') {
      onBytes(stream.bytesRead, size)
      yield { line, content: contentOf(text, separator, header) }
    }
  }
  if (header === undefined) throw new InvalidForm('the file is empty')
}

const cellsOf = (text: string, separator: string) => text.split(separator).map((cell) => cell.trim())

function contentOf(text: string, separator: string, header: readonly string[]): CsvRow['content'] {
  if (text.includes('"')) return 'quotes'
  const cells = cellsOf(text, separator)
  if (cells.length !== header.length) return 'number_of_columns'
  return Object.fromEntries(header.flatMap((column, i) => (cells[i] === '' ? [] : [[column, cells[i] as string]])))
}
