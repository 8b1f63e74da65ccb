import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { unstable_readConfig as readConfig } from 'wrangler'
import { RATE_POLICIES } from '../../../src/edge/ingest/rate-policy.ts'
import { UNASKED } from '../../../src/edge/ingest/seen-here.ts'

it('what clients are told of the limits is what wrangler.toml sets', () => {
  const { ratelimits } = readConfig({ config: resolve(import.meta.dirname, '../../../wrangler.toml') })
  const limits = Object.fromEntries(
    (ratelimits as { name: string; simple: object }[]).map(({ name, simple }) => [name, simple]),
  )
  const { device, repeat, address } = RATE_POLICIES
  expect(limits).toEqual({
    PUSH_RATE: { limit: device.quota - UNASKED, period: device.windowS },
    FIRST_RATE: { limit: 1, period: repeat.windowS },
    REPEAT_RATE: { limit: repeat.quota, period: repeat.windowS },
    ADDRESS_RATE: { limit: address.quota, period: address.windowS },
  })
})
