import type { World } from '../world.ts'
import { type AdmittedDevice, type ConsentLine, codeIn } from './admitted.ts'

/** Whether the holder has given it: by the code that went to the holder's own telephone, for this device and this request. */
export function isByHolder(
  { telephones }: Pick<World, 'telephones'>,
  { id, ownerWallet }: AdmittedDevice,
  consent: ConsentLine,
): boolean {
  const code = codeIn(consent)
  return code !== undefined && telephones.codeFor(ownerWallet, id, code.no) === code.digits
}

/**
 * Consent by a code is the holder's: what counts on a device is what went to the telephone of its wallet, for no other device. And
 * what was entered is judged in the end.
 */
export function codesAreTheHolders(world: World, devices: readonly AdmittedDevice[]): string[] {
  const wrong = [...world.telephones.wrong]
  for (const device of devices) {
    for (const consent of device.consents) {
      // One that ended while the book judged it gave nothing.
      const isCounting = codeIn(consent) !== undefined && consent.countsFromMs !== undefined
      if (isCounting && !isByHolder(world, device, consent)) {
        wrong.push(`${device.id} pays by a code that did not go to its holder`)
      }
    }
    const [row] = world.edge.objects.read(
      device.id,
      'SELECT lower(hex(kid)) AS kid, code_request AS request FROM device',
    )
    const request = JSON.parse(String(row?.['request'] ?? 'null')) as Request | null
    if (request?.answer && request.kid === row?.['kid'])
      wrong.push(`nobody has judged what was entered on ${device.id}`)
  }
  return wrong
}

interface Request {
  readonly kid: string
  readonly answer: object | null
}
