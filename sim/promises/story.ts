import { statesOf } from '../../src/protocol/payment-states.ts'
import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'

/** Promise 5: devices, edge and book tell one story, and each payment has one end or visibly waits for a person or its payer. */
const ENDS = new Set(['succeeded', 'failed', 'refused', 'reversed'])
const WAITS = new Set(['review', 'quarantined', 'claimed'])

export function everyPaymentEnds(booked: Iterable<BookedPayment>): string[] {
  return [...booked]
    .filter(({ status }) => !ENDS.has(status) && !WAITS.has(status))
    .map(({ localId, status }) => `${localId} is still ${status} in the book`)
}

export function devicesAgree({ devices }: World, booked: ReadonlyMap<string, BookedPayment>): string[] {
  return devices.flatMap((device) => {
    if (device.isRevoked || device.isInConflict) return []
    return [...device.told].flatMap(([localId, told]) => {
      const view = device.sdk.getTransaction(localId)
      const row = booked.get(localId)
      if (told.isDoubtful) return []
      if (view === undefined)
        return told.isGone || told.mayBeVoided || told.mayBeForgotten ? [] : [`${localId} is gone from its device`]
      if (row === undefined) return []
      const [own, book] = [end(view.status, view.reason), end(row.status, row.reason)]
      return own === book ? [] : [`${localId} is ${own} on its device, and ${book} in the book`]
    })
  })
}

export async function readModelAgrees({ edge }: World, booked: ReadonlyMap<string, BookedPayment>): Promise<string[]> {
  const { results } = await edge.db
    .prepare('SELECT device_id, bundle_id, payments FROM offline_tx_bundles')
    .all<{ device_id: string; bundle_id: string; payments: string }>()
  const shown = new Map<string, string>()
  for (const { device_id, payments } of results) {
    for (const [counter, status, reason] of statesOf(JSON.parse(payments))) {
      const localId = `${device_id}/${counter}`
      // A number that came again says of the copy that it is one, and nothing of the payment.
      if (reason !== 'duplicate' || !shown.has(localId)) shown.set(localId, end(status, reason))
    }
  }
  const wrong: string[] = []
  for (const [localId, { status, reason }] of booked) {
    const edgeSays = shown.get(localId)
    if (edgeSays === undefined) wrong.push(`${localId} is in the book, and not in the read model`)
    else if (edgeSays !== end(status, reason)) {
      wrong.push(`${localId} is ${edgeSays} in the read model, and ${end(status, reason)} in the book`)
    }
  }
  return wrong
}

const end = (status: string, reason?: string | null) => (reason ? `${status} (${reason})` : status)
