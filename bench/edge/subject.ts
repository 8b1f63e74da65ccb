import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { registerDevice } from '../../dev/fleet/admin.ts'
import { type DevIssuer, startDevIssuer } from '../../dev/issuer.ts'
import { type DevSecrets, newSecrets } from '../../dev/secrets.ts'
import { type Edge, startEdge } from '../../dev/workerd.ts'
import { openEdge } from '../../reconciler/tell/edge.ts'
import { importHmacKey } from '../../src/crypto/hmac.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { fromBase64url } from '../../src/protocol/bytes.ts'
import type { EdgeKey } from '../../src/protocol/keyset.ts'
import { edgeConfig } from './config.ts'
import type { Device } from './fleet.ts'
import { ROOMY_POLICIES } from './policy.ts'
import { cpuMs, workerdPids } from './process.ts'

/** A Worker under measurement, in a workerd of its own. */
export interface Subject {
  readonly name: string
  readonly port: number
  readonly url: string
  readonly pid: number
  readonly edge: Edge
  /** D1's file, which is read beside workerd so that looking costs it nothing. */
  readModelFile(): Promise<string>
  cpuMs(): number
  stop(): Promise<void>
}

/** What all subjects of one run share: the same keys and the same people. */
export interface World {
  readonly secrets: DevSecrets
  readonly issuer: DevIssuer
  readonly sealKey: EdgeKey
  /** An administrator's token. */
  readonly token: string
  close(): Promise<void>
}

const bench = fileURLToPath(new URL('..', import.meta.url))
const SINK = join(bench, 'sink/wrangler.toml')
const REGISTERED_AT_ONCE = 32
const CONFIRMED_AT_ONCE = 100

export async function openWorld(): Promise<World> {
  const [secrets, issuer] = await Promise.all([newSecrets(), startDevIssuer()])
  const keys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
  const sealKey = (await keys.keySet()).keys.find(({ use }) => use === 'seal')
  if (sealKey === undefined) throw new Error('no seal key')
  const token = await issuer.token('bench', ['pay_admin'])
  return { secrets, issuer, sealKey, token, close: () => issuer.close() }
}

async function start(name: string, config: string, world: World): Promise<Subject> {
  const dir = await mkdtemp(join(tmpdir(), `molam-edge-bench-${name}-`))
  const before = new Set(workerdPids())
  const vars = { ...world.secrets, ...world.issuer.vars, ENVIRONMENT: 'development' }
  const edge = await startEdge({ persistTo: dir, vars, configs: [config, SINK] })
  const pid = workerdPids().find((found) => !before.has(found))
  if (pid === undefined) throw new Error('no workerd of ours: this bench reads /proc and needs Linux')
  return {
    name,
    url: edge.url,
    port: Number(new URL(edge.url).port),
    pid,
    edge,
    cpuMs: () => cpuMs(pid),
    async readModelFile() {
      const at = join(dir, 'v3/d1')
      const files = await readdir(at, { recursive: true })
      const file = files.find((found) => found.endsWith('.sqlite') && !found.includes('metadata'))
      if (file === undefined) throw new Error('no file of D1')
      return join(at, file)
    },
    async stop() {
      await edge.dispose()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export const startFloor = (world: World) => start('floor', join(bench, 'floor/wrangler.toml'), world)
export const startStandIns = (world: World) => start('standins', join(bench, 'standins/wrangler.toml'), world)

/** The edge as it is deployed. @param main another entry that wraps it */
export async function startEdgeSubject(world: World, project: string, main?: string): Promise<Subject> {
  const config = await edgeConfig(project, main)
  const subject = await start('edge', config, world)
  await rm(dirname(config), { recursive: true })
  const db = await subject.edge.miniflare.getD1Database('DB', 'molam-offline')
  await db.prepare(ROOMY_POLICIES).run()
  return subject
}

/** Registers with the admin API, as an operator's tool does. */
export async function registerAtEdge({ url }: Subject, devices: readonly Device[], world: World): Promise<void> {
  await inParallel(devices, ({ id, ownerWallet, signer }) =>
    registerDevice(url, world.token, { deviceId: id, country: 'SN', ownerWallet, signer }),
  )
  // Else the objects would tell the reconciler of it again and again.
  const key = await importHmacKey(fromBase64url(world.secrets.INTERNAL_HMAC_KEY))
  const edge = openEdge(url, key, fetch, Date.now)
  for (let at = 0; at < devices.length; at += CONFIRMED_AT_ONCE) {
    const slice = devices.slice(at, at + CONFIRMED_AT_ONCE)
    await edge.confirm(slice.map(({ id }) => ({ kind: 'device_recorded', deviceId: id, rev: 1 })))
  }
}

export async function registerAtFloor({ url }: Subject, devices: readonly Device[]): Promise<void> {
  await inParallel(devices, async ({ id, signer }) => {
    const answer = await fetch(`${url}/${id}`, { method: 'PUT', body: signer.key.bytes as BodyInit })
    if (!answer.ok) throw new Error(`registering ${id}: ${answer.status}`)
  })
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: REGISTERED_AT_ONCE }, lane))
}
