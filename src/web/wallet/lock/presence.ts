import { fromBase64url, toBase64url } from '../../../protocol/bytes.ts'

/**
 * Asks for the phone's own lock (fingerprint, face, PIN) before anything is signed, where its holder wants that: a credential of the phone
 * that is good for nothing but this question (Web Authentication Level 3). It needs no network, and no server ever sees it. Without it the press on
 * the screen that shows the payment is the holder's yes.
 */
const KEY = 'molam-wallet-lock'
/** Milliseconds in which a person finds the finger, or the PIN. */
const ANSWERS_WITHIN_MS = 120_000
/** Web Authentication, 6.1: the flags stand behind the hash of the site; the third says that the phone has verified its holder. */
const [FLAGS_AT, USER_VERIFIED] = [32, 0b100]

/** Whether this phone can be asked at all. */
export async function canLock(): Promise<boolean> {
  if (typeof PublicKeyCredential === 'undefined') return false
  try {
    return await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()
  } catch {
    return false
  }
}

/** Whether the holder wants it to be asked. */
export const isLocked = (): boolean => stored() !== undefined

/** @returns whether the holder was there: always, while the lock is not wanted */
export async function isPresent(): Promise<boolean> {
  const id = stored()
  return id === undefined || (await verifies(id))
}

/** Makes the credential. @returns whether the lock is on now */
export async function lock(): Promise<boolean> {
  try {
    const made = await navigator.credentials.create({
      publicKey: {
        rp: { name: 'Molam' },
        user: { id: randomBytes(16), name: 'Molam', displayName: 'Molam' },
        challenge: randomBytes(32),
        pubKeyCredParams: [
          { type: 'public-key', alg: -7 },
          { type: 'public-key', alg: -257 },
        ],
        authenticatorSelection: {
          authenticatorAttachment: 'platform',
          userVerification: 'required',
          residentKey: 'discouraged',
        },
        timeout: ANSWERS_WITHIN_MS,
      },
    })
    if (!(made instanceof PublicKeyCredential)) return false
    localStorage.setItem(KEY, toBase64url(new Uint8Array(made.rawId)))
    return true
  } catch {
    // Nobody answered, the phone has no lock, or the storage is full: it stays as it was.
    return false
  }
}

/** Only the holder takes the lock off. @returns whether it is off now */
export async function unlock(): Promise<boolean> {
  if (!(await isPresent())) return false
  forgetLock()
  return true
}

/** Goes with the device. */
export function forgetLock(): void {
  try {
    localStorage.removeItem(KEY)
  } catch {
    // A forbidden storage has nothing in it.
  }
}

async function verifies(id: string): Promise<boolean> {
  try {
    const found = await navigator.credentials.get({
      publicKey: {
        challenge: randomBytes(32),
        allowCredentials: [{ type: 'public-key', id: Uint8Array.from(fromBase64url(id)), transports: ['internal'] }],
        userVerification: 'required',
        timeout: ANSWERS_WITHIN_MS,
      },
    })
    if (!(found instanceof PublicKeyCredential)) return false
    const { authenticatorData } = found.response as AuthenticatorAssertionResponse
    return ((new Uint8Array(authenticatorData)[FLAGS_AT] ?? 0) & USER_VERIFIED) !== 0
  } catch {
    return false
  }
}

function stored(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined
  } catch {
    return undefined
  }
}

const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))
