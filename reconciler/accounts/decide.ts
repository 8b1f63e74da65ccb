import type pg from 'pg'
import { inOneGo } from '../operator-session.ts'
import { type Asked, ask, one, SHOWN_ROWS, type ShownRow, showRows, type Told } from './request.ts'

/** A request as people name it: its number, and how its digest begins, so that a wrong number approves nothing. */
export interface RequestName {
  readonly id: number
  readonly digest: string
}

const DIGEST_SHOWN = 8

export const nameOf = ({ request_id, digest }: Pick<Told, 'request_id' | 'digest'>) =>
  `${request_id}-${digest?.slice(0, DIGEST_SHOWN)}`

/** @returns undefined when it names no request */
export function parseRequestName(text: string | undefined): RequestName | undefined {
  const [, id, digest] = /^([1-9]\d{0,14})-([0-9a-f]{8,64})$/.exec(text ?? '') ?? []
  return id === undefined || digest === undefined ? undefined : { id: Number(id), digest }
}

/**
 * Approves a request: what it asks for is done in the same transaction, so a process that dies has done all of it or nothing,
 * and to approve again finds it done. The database refuses whoever asked for it.
 *
 * @param tentatively all of it happens, and is taken back
 */
export function approve(
  client: pg.ClientBase,
  { id, digest }: RequestName,
  tentatively: boolean,
): Promise<{ readonly told: Told; readonly first: readonly ShownRow[] }> {
  return inOneGo(client, tentatively, async () => {
    const told = await one<Told>(client, 'wallet_core.approve_account_request($1, $2)', [id, digest])
    const first = told.answer === 'unknown_request' ? [] : await showRows(client, id, SHOWN_ROWS, false)
    return { told: { ...told, digest }, first }
  })
}

/** Nobody can approve it any more. */
export function refuse(client: pg.ClientBase, { id, digest }: RequestName): Promise<Told> {
  return inOneGo(client, false, async () => ({
    ...(await one<Told>(client, 'wallet_core.refuse_account_request($1, $2)', [id, digest])),
    digest,
  }))
}

/** Whether a file is what a request asks for, by the digest that the database takes of it. Nothing is changed. */
export async function isOf(client: pg.ClientBase, { id }: RequestName, asked: Asked): Promise<boolean> {
  const answer = await ask(client, asked, true)
  return answer.kind === 'told' && answer.told.answer === 'waiting' && answer.told.request_id === id
}
