import type { Signer } from '../../src/crypto/suite.ts'
import type { Fetch } from '../../src/device/sdk/index.ts'
import type { Scheduler } from '../time/scheduler.ts'
import { provenPost } from './proven-post.ts'
import type { Telephones } from './telephones.ts'

/** A customer's phone that has nobody's consent yet. */
interface NewPhone {
  readonly id: string
  readonly wallet: string
  readonly signer: Signer
}

/** How often a customer looks whether a message has come, and whether the book has said something. */
const PAUSE_MS = 1_000
const LOOKS_MAX = 3_600

/** The customer asks for a code, waits for the message, and enters what it says. @returns `accepted`, or what came instead */
export async function enterCode(
  { scheduler, telephones }: { readonly scheduler: Scheduler; readonly telephones: Telephones },
  { id, wallet, signer }: NewPhone,
  fetch: Fetch,
): Promise<string> {
  const post = (path: string, what: object) =>
    provenPost({ id, signer }, fetch, `/offline/consents/${path}`, what, scheduler.nowMs)
  const asked = await post('code', {})
  const no = Number(asked?.body['no'])
  if (asked?.status !== 200) return String(asked?.body['code'] ?? 'no answer')
  let came = 'no message'
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    await scheduler.sleep(PAUSE_MS)
    const code = telephones.codeFor(wallet, id, no)
    if (code === undefined) continue
    const said = await post('code/answer', { no, code })
    came = String(said?.status === 200 ? said.body['state'] : (said?.body['code'] ?? 'no answer'))
    if (came === 'accepted' || came === 'over' || came === 'state_conflict') break
  }
  return came
}
