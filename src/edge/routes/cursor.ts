import * as z from 'zod'
import { fromBase64url, toBase64url, utf8 } from '../../protocol/bytes.ts'
import { queryInt } from './params.ts'

/**
 * Where a list goes on: the sort key of the last item, as text that means nothing to the reader. It opens nothing that
 * the person could not see anyway, so it is checked for its form and not signed.
 */
const CURSOR_CHARS_MAX = 512

export const cursorOf = (...key: readonly (string | number)[]): string => toBase64url(utf8(JSON.stringify(key)))

const number = z.int().min(0)
const text = z.string().max(160)
/** Sort keys: an id; a time and ids. */
export const idCursor = cursorSchema(z.tuple([text]))
export const versionCursor = cursorSchema(z.tuple([number]))
export const timeCursor = cursorSchema(z.tuple([number, text]))
export const timeIdsCursor = cursorSchema(z.tuple([number, text, text]))

function cursorSchema<T extends z.ZodType>(key: T) {
  return z
    .string()
    .max(CURSOR_CHARS_MAX)
    .transform((value, context): z.output<T> => {
      try {
        const bytes = fromBase64url(value)
        const parsed = key.safeParse(
          JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)),
        )
        if (parsed.success) return parsed.data
      } catch {
        // Not a cursor of ours.
      }
      context.addIssue({ code: 'custom', message: 'cursor' })
      return z.NEVER
    })
    .optional()
}

/** How many items a page has. */
export const limit = queryInt(1, 200).default(50)

/** A page out of one item more than it holds. */
export function pageOf<T>(rows: readonly T[], size: number, keyOf: (row: T) => readonly (string | number)[]) {
  const items = rows.slice(0, size)
  const last = items.at(-1)
  return { items, next_cursor: rows.length > size && last !== undefined ? cursorOf(...keyOf(last)) : null }
}
