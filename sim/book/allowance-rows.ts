import type { BookedAllowance, BookedSpending } from '../book-view.ts'
import type { Book } from './pglite.ts'

/** What is held for phones, and what they signed under it. */
export const allowanceRows = (book: Book): readonly BookedAllowance[] =>
  book.read(
    `SELECT a.device_id AS "phoneId", a.no, a.ceiling_minor AS ceiling, a.consumed_minor AS consumed, a.returned_minor AS returned,
            a.held_minor AS held, a.state, a.stated_n AS "statedN", a.stated_spent AS "statedSpent",
            EXISTS (SELECT FROM offline_allowance_evidence e
                    WHERE (e.payer_device_id, e.allowance_no) = (a.device_id, a.no)) AS "isConvicted"
     FROM wallet_core.allowances a ORDER BY a.device_id, a.no`,
  )

export const spendingRows = (book: Book): readonly BookedSpending[] =>
  book.read(
    `SELECT device_id || '/' || counter AS "localId", payer_device_id AS "phoneId", allowance_no AS no, n, spent_minor AS spent,
            amount_minor AS amount, covered_minor AS covered
     FROM offline_allowance_payments ORDER BY id`,
  )
