import type { Device } from '../fleet.ts'

/** One of those that are compared: it takes the same pushes as the others, in processes of its own. */
export interface Subject {
  readonly name: SubjectName
  readonly port: number
  readonly url: string
  /** Of its main process, for whoever traces it. */
  readonly pid: number
  /** Whether the generator tells it what became of the payments, as the reconciler does. */
  readonly isTold: boolean
  /** Processor time of all its processes so far. */
  cpuMs(): number
  register(devices: readonly Device[]): Promise<void>
  /** @returns what waits until this many bundles that it took since now have come to their end */
  watch(): Promise<(bundles: number) => Promise<void>>
  stop(): Promise<void>
}

export const SUBJECT_NAMES = ['floor', 'bound', 'edge', 'peer'] as const
export type SubjectName = (typeof SUBJECT_NAMES)[number]

/** @throws when one does not start, after the others were stopped */
export async function startAll(starts: readonly Promise<Subject>[]): Promise<readonly Subject[]> {
  const started = await Promise.allSettled(starts)
  const subjects = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = started.find((one) => one.status === 'rejected')
  if (failed === undefined) return subjects
  await Promise.all(subjects.map((subject) => subject.stop()))
  throw failed.reason
}

const AT_ONCE = 32

/** Registers the devices, many at a time. */
export async function registerAll(
  devices: readonly Device[],
  register: (device: Device) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async () => {
    for (let device = devices[next++]; device !== undefined; device = devices[next++]) await register(device)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

/** The benches' own way to make a device known: its key, and nothing else, under its id. */
export async function putDevice(url: string, { id, signer }: Device): Promise<void> {
  const answer = await fetch(`${url}/${id}`, { method: 'PUT', body: signer.key.bytes as BodyInit })
  if (!answer.ok) throw new Error(`registering ${id}: ${answer.status}`)
}
