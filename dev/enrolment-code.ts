import type { Country } from '../src/protocol/policy.ts'
import type { Stack } from './stack.ts'

export interface Asked {
  readonly deviceId: string
  readonly country: Country
  /** Of the device's owner. */
  readonly wallet: string
}

/** Asks the admin API for a one-time code, whether the ledger knows the wallet or not. */
export async function enrolmentCode(stack: Stack, { deviceId, country, wallet }: Asked): Promise<string> {
  const answer = await fetch(`${stack.edge.url}/offline/devices/enrolment-codes`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await stack.issuer.token('shop-keeper', ['pay_admin'])}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      device_id: deviceId,
      country,
      tenant: 'molam',
      owner_wallet: wallet,
      valid_hours: 168,
    }),
  })
  if (!answer.ok) throw new Error(`enrolment code of ${deviceId}: ${answer.status} ${await answer.text()}`)
  const { code } = (await answer.json()) as { code: string }
  return code
}
