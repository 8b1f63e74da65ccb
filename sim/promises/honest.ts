import type { World } from '../world.ts'

/** No honest device is accused: what contradicts itself is the work of a copy, of a lost storage, or of a thief. */
export function nobodyHonestIsAccused({ edge, devices }: World): string[] {
  return devices.flatMap((device) => {
    if (device.setBackAtMs !== undefined) return []
    const evidence = edge.objects.read(device.id, 'SELECT kind, seq FROM evidence') as unknown as readonly Evidence[]
    return evidence.map(
      ({ kind, seq }) => `${device.id} is honest, and there is evidence against it: ${kind} at ${seq}`,
    )
  })
}

interface Evidence {
  readonly kind: string
  readonly seq: number
}
