import { beforeAll, beforeEach, expect, it } from 'vitest'
import { decodeNotice } from '../../../src/protocol/notice.ts'
import { recordQueues } from '../../durable-objects/device/kit.ts'
import { keySet, ORIGIN, pushInit, registered, SELF, verified } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'

/** What a notice is asked with about passes, with values that no device sends: a 400, or the notice, and never a pass unasked. */
const URL = `${ORIGIN}/offline/notice`
const NO_NUMBERS = [
  ...[
    '',
    ' ',
    '-1',
    '+1',
    '01',
    '1.0',
    '1e3',
    '0x1',
    '1,1',
    '1 1',
    '1;q=1',
    'true',
    'null',
    'NaN',
    'Infinity',
    '٣',
    '１',
  ],
  ...['1000000000000000', '9'.repeat(400), "1' OR 1=1", '%31', '[1]', '{}', 'a'.repeat(7_000)],
].filter((value) => [...value].every((char) => char.charCodeAt(0) < 256))

let device: TestDevice
beforeAll(async () => {
  await recordQueues()
})
beforeEach(async () => {
  device = await registered()
})

async function ask(headers: Record<string, string>): Promise<Response> {
  const authorization = `Molam-Device ${await device.proof('GET', URL)}`
  return SELF.fetch(URL, { headers: { authorization, accept: 'application/cbor', 'molam-cursor': '0', ...headers } })
}
const noticeIn = async (response: Response) => decodeNotice(await verified(await response.bytes(), 'molam-notice-v1'))

it.each(['molam-pass', 'molam-denied-version'])(
  '%s that is no number: 400, in a notice and in a push',
  async (name) => {
    const made = await device.bundle([device.payment()], await keySet())
    const wrong: string[] = []
    for (const value of NO_NUMBERS) {
      const answers = [
        await ask({ [name]: value }),
        await SELF.fetch(`${ORIGIN}/offline/push`, pushInit(made.bundle, { [name]: value })),
      ]
      for (const { status } of answers) if (status !== 400) wrong.push(`${value.slice(0, 20)}: ${status}`)
    }
    expect(wrong).toEqual([])
  },
)

it('a version of the list that there has never been is no error, and tells of nothing wrong', async () => {
  for (const value of ['0', '1', '4294967296', '999999999999999']) {
    const response = await ask({ 'molam-denied-version': value })
    expect([value, response.status]).toEqual([value, 200])
    expect((await noticeIn(response)).pass).toBeUndefined()
  }
})
