import { isDeviceId } from '../../protocol/ids.ts'

/** An invitation to be a till: `#enrol=<device_id>.<one-time code>`. It is in the fragment, which no server gets to see. */
export interface Invitation {
  readonly deviceId: string
  readonly code: string
}

/** @param fragment `location.hash` */
export function invitationIn(fragment: string): Invitation | undefined {
  const text = /^#enrol=(.+)$/.exec(fragment)?.[1]
  if (text === undefined) return undefined
  // A device id may have dots in it, a code has none.
  const dot = text.lastIndexOf('.')
  const [deviceId, code] = [text.slice(0, dot), text.slice(dot + 1)]
  return dot > 0 && isDeviceId(deviceId) && code !== '' ? { deviceId, code } : undefined
}

/** Takes the invitation out of the address and the history: the code was used, and the screen may be photographed. */
export function dropInvitation(): void {
  if (invitationIn(location.hash)) history.replaceState(null, '', location.pathname)
}
