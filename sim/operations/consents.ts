import { amountMinor } from '../../src/protocol/money.ts'
import { customerOf } from '../people/market.ts'
import type { World } from '../world.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'

interface Given {
  readonly thumbprint: string
  readonly withdrawnAtMs: number | null
  readonly refusedAtMs?: number
}

/** Nobody has given it any for the key that it has, somebody has taken it back, or the ledger does not bear it out. */
export function isWithoutConsent({ edge }: World, device: string): boolean {
  const [row] = edge.objects.read(device, 'SELECT lower(hex(kid)) AS kid, consents FROM device')
  const given = JSON.parse(String(row?.['consents'] ?? '[]')) as readonly Given[]
  const isStanding = (one: Given) => one.withdrawnAtMs === null && one.refusedAtMs === undefined
  return !given.some((one) => isStanding(one) && one.thumbprint.startsWith(String(row?.['kid'])))
}

/** Somebody takes a till's consent back, and later two people give it again. */
export const changeConsent: Operation = {
  weight: 0.6,
  async run(world, device, random) {
    if (isWithoutConsent(world, device.id)) {
      const came = await world.office.consent(device.id).then(
        () => 'done',
        () => 'not done',
      )
      return `gets consent again: ${came}`
    }
    const path = `/offline/devices/${device.id}/consents/withdraw`
    const came = await insistently(world, random, (key) =>
      world.office.ask('awa', 'pay_admin', 'POST', path, { reason: 'seen in other hands' }, key),
    )
    return `has its consent withdrawn: ${came}`
  },
}

/**
 * An administrator registers a device for a customer's wallet, says alone that it may pay, and pays. Sometimes another one helps
 * him: then the edge lets it pay, because it does not know whose wallet it is, and the book must not.
 */
export const payAlone: Operation = {
  weight: 1,
  async run(world, _device, random) {
    const { loner } = world
    if (!(await registered(world))) return '(LONE-1) cannot be registered'
    if (isWithoutConsent(world, loner.id) && random.chance(0.7)) await consents(world, random.chance(0.4))
    const counter = loner.nextCounter++
    const amount = amountMinor(100 + random.between(0, 400))
    const payment = loner.payment(counter, { type: 'p2p', sender: loner.wallet, receiver: customerOf(3), amount })
    const came = await loner.push(await loner.sign([payment]))
    return `(LONE-1) takes ${counter} from ${loner.wallet}: ${came}`
  },
}

async function consents({ office, loner, wrong }: World, isHelped: boolean): Promise<void> {
  try {
    if (isHelped) return await office.consent(loner.id)
    const path = `/offline/devices/${loner.id}/consents`
    const { body } = await office.ask('ops', 'pay_admin', 'POST', path, { reason: 'mine' })
    const asked = body['asked'] as { readonly request: string } | null | undefined
    const said = await office.ask('ops', 'pay_admin', 'POST', `${path}/${asked?.request}/confirm`, { reason: 'mine' })
    if (said.status === 200) wrong.push('one person alone gave LONE-1 consent')
  } catch {
    // The edge does not answer: he tries again some other time.
  }
}

async function registered({ loner, office }: World): Promise<boolean> {
  if (!loner.isRegistered) {
    loner.isRegistered = await office.register(loner.id, 'SN', loner.wallet, loner.privateKey).then(
      () => true,
      () => false,
    )
  }
  return loner.isRegistered
}
