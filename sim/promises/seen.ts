import type { World } from '../world.ts'

/** What waits is seen by people: each list of it holds what the objects say, and nothing else, whatever stands in D1. */
const WAITS = "status IN ('review', 'quarantined', 'claimed')"

/** Bundles of a device that wait, as its object has them. Hex. */
const waiting = ({ edge }: World, id: string): readonly string[] =>
  edge.objects.read(id, `SELECT hex(bundle_id) AS id FROM bundles WHERE ${WAITS}`).map((row) => String(row['id']))

/** The same, once its country has been told of all of it; none before. */
export function toldToWait(world: World, id: string): readonly string[] {
  if (!isRegistered(world.edge, id)) return []
  const [device] = world.edge.objects.read(id, 'SELECT listing_rev = listed_rev AS told FROM device')
  return device?.['told'] === 1 ? waiting(world, id) : []
}

/** Device → what people are shown of it. @param of one device; of all without @throws when the edge does not answer */
export async function waitingShown(world: World, of?: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const filter = of === undefined ? '' : `device_id=${of}&`
  const lists = await Promise.all([
    all(world, `/offline/reviews?${filter}`, 'reviews'),
    all(world, `/offline/bundles?status=claimed&${filter}`, 'bundles'),
  ])
  const shown = new Map<string, Set<string>>()
  for (const row of lists.flat()) {
    const id = String(row['device_id'])
    shown.set(id, (shown.get(id) ?? new Set()).add(hexOf(String(row['bundle_id']))))
  }
  return shown
}

/** Bundles of a device that ended some time ago, with their states, as its object has them. Hex. */
export function endedOf(world: World, id: string): ReadonlyMap<string, string> {
  if (!isRegistered(world.edge, id)) return new Map()
  const { edge, scheduler } = world
  const rows = edge.objects.read(
    id,
    `SELECT hex(bundle_id) AS id, status FROM bundles
     WHERE NOT ${WAITS} AND status NOT IN ('pushed', 'processing') AND updated_at < ${scheduler.nowMs - TOLD_WITHIN_MS}`,
  )
  return new Map(rows.map((row) => [String(row['id']), String(row['status'])]))
}
/** As long as that a bundle may be on its way to D1, and is not missed. */
const TOLD_WITHIN_MS = 10_000

/** What people are shown of it. @returns undefined when the answer says that something is missing @throws when the edge does not answer */
export async function endedShown(world: World, id: string): Promise<ReadonlyMap<string, string> | undefined> {
  const { isComplete, rows } = await pages(world, `/offline/bundles?device_id=${id}&`, 'bundles')
  if (!isComplete) return undefined
  return new Map(rows.map((row) => [hexOf(String(row['bundle_id'])), String(row['status'])]))
}

type Row = Readonly<Record<string, unknown>>

const all = async (world: World, path: string, list: string) => (await pages(world, path, list)).rows

/** All pages of a list, and whether none says that something is missing. */
async function pages({ office }: World, path: string, list: string) {
  const rows: Row[] = []
  let isComplete = true
  for (let cursor = ''; ; ) {
    const { status, body } = await office.ask('binta', 'pay_reviewer', 'GET', `${path}limit=50${cursor}`)
    if (status !== 200) throw new Error(`${path} is answered with ${status}`)
    rows.push(...(body[list] as readonly Row[]))
    if (body['incomplete'] === true) isComplete = false
    if (body['next_cursor'] === null) return { rows, isComplete }
    cursor = `&cursor=${body['next_cursor']}`
  }
}

/** Crockford's base 32, which says 128 bits with 26 characters. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
function hexOf(ulid: string): string {
  const value = [...ulid].reduce((sum, character) => sum * 32n + BigInt(ALPHABET.indexOf(character)), 0n)
  return value.toString(16).toUpperCase().padStart(32, '0')
}

export async function whatWaitsIsSeen(world: World): Promise<string[]> {
  const wrong: string[] = []
  const ids = world.edge.objects.names.filter((id) => isRegistered(world.edge, id))
  const allShown = await waitingShown(world)
  for (const id of ids) {
    const [own, shown] = [new Set(waiting(world, id)), allShown.get(id) ?? NOTHING]
    for (const bundle of own) if (!shown.has(bundle)) wrong.push(`${bundle} of ${id} waits, and people do not see it`)
    for (const bundle of shown) if (!own.has(bundle)) wrong.push(`${bundle} of ${id} waits no more, and people see it`)
  }
  const devices = new Map((await all(world, '/offline/devices?', 'devices')).map((row) => [row['device_id'], row]))
  for (const id of ids) {
    const [facts] = world.edge.objects.read(id, 'SELECT status, consent_request FROM device')
    if (devices.get(id)?.['status'] !== facts?.['status'])
      wrong.push(`${id} is ${facts?.['status']}, and not listed so`)
  }
  const asked = await all(world, '/offline/consent-requests?', 'requests')
  for (const row of asked) {
    const [facts] = world.edge.objects.read(String(row['device_id']), 'SELECT consent_request AS text FROM device')
    const request = JSON.parse(String(facts?.['text'] ?? 'null')) as { readonly id: string } | null
    if (request?.id !== row['request']) wrong.push(`${row['device_id']} is asked no consent for, and people see it`)
  }
  return wrong
}

const NOTHING: ReadonlySet<string> = new Set()

export const isRegistered = (edge: World['edge'], id: string): boolean =>
  edge.objects.read(id, "SELECT 1 FROM sqlite_master WHERE name = 'device'").length > 0
