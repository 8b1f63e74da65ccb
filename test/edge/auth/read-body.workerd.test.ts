import { describe, expect, it } from 'vitest'
import { readBody } from '../../../src/edge/ingest/read-body.ts'
import { BUNDLE_MEDIA_TYPE } from '../../../src/protocol/bundle.ts'
import { expectRefusal, fetchWith } from '../kit.ts'

/** Bodies are bounded in bytes and in time, whatever the sender says about them. */
interface Source {
  /** Chunks that were asked for. */
  pulled: number
  cancelled: boolean
}

/** A body that says nothing of its length and brings these chunks, then ends as told. */
function streamed(chunks: readonly number[], end: 'close' | 'hang' | 'break', source: Source = newSource()) {
  const stream = new ReadableStream(
    {
      type: 'bytes',
      async pull(controller: ReadableByteStreamController) {
        const bytes = chunks[source.pulled++]
        if (bytes !== undefined) return controller.enqueue(new Uint8Array(bytes))
        if (end === 'close') {
          controller.close()
          return controller.byobRequest?.respond(0)
        }
        if (end === 'break') return controller.error(new Error('connection lost'))
        return new Promise<void>(() => undefined)
      },
      cancel() {
        source.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return stream
}
const newSource = (): Source => ({ pulled: 0, cancelled: false })
const requestOf = (body: ReadableStream, headers: Record<string, string> = {}) =>
  new Request('https://edge.test/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)
const code = (error: string) => ({ ok: false, error: { code: error } })

describe('a body of 100 bytes at most', () => {
  it('is taken whole at 100, in however many chunks', async () => {
    for (const chunks of [[100], [50, 50], Array(100).fill(1), []]) {
      const read = await readBody(requestOf(streamed(chunks, 'close')), 100)
      expect(read.ok && read.value.length).toBe(chunks.reduce((sum, n) => sum + n, 0))
    }
  })

  it('is refused at 101, as soon as that is seen, and the rest is not asked for', async () => {
    const source = newSource()
    expect(await readBody(requestOf(streamed([60, 41, 1000, 1000], 'hang', source)), 100)).toEqual(
      code('bundle_too_large'),
    )
    expect(source).toEqual({ pulled: 2, cancelled: true })
  })

  it('is refused before a byte is read when it is declared as larger', async () => {
    const source = newSource()
    const request = requestOf(streamed([10], 'close', source), { 'content-length': '101' })
    expect(await readBody(request, 100)).toEqual(code('bundle_too_large'))
    expect(source.pulled).toBe(0)
  })

  it.each(['0', '1', '-5', 'NaN', '1e1', '99999999999999999999999x', '', '10, 10'])(
    'is counted when its declared length lies: %s',
    async (declared) => {
      const request = requestOf(streamed([60, 60], 'close'), { 'content-length': declared })
      expect(await readBody(request, 100)).toEqual(code('bundle_too_large'))
    },
  )

  it('that never ends is given up after a time', async () => {
    const source = newSource()
    expect(await readBody(requestOf(streamed([1, 1], 'hang', source)), 100, 50)).toEqual(code('body_incomplete'))
    expect(source.cancelled).toBe(true)
  })

  it('that drips is given up after a time, however often it drips', async () => {
    const drip = new ReadableStream({
      type: 'bytes',
      async pull(controller: ReadableByteStreamController) {
        await scheduler.wait(10)
        controller.enqueue(new Uint8Array(1))
      },
    })
    expect(await readBody(requestOf(drip), 100_000, 100)).toEqual(code('body_incomplete'))
  })

  it('that breaks off is no fault of ours', async () => {
    expect(await readBody(requestOf(streamed([10], 'break')), 100)).toEqual(code('body_incomplete'))
  })
})

it('a push whose body breaks off is told to come again', async () => {
  const init = { method: 'POST', headers: { 'content-type': BUNDLE_MEDIA_TYPE }, body: streamed([10], 'break') }
  const response = await fetchWith({}, '/offline/push', { ...init, duplex: 'half' } as RequestInit)
  expect(response.status).toBe(408)
  expect(await response.json()).toMatchObject({
    code: 'body_incomplete',
    next: 'retry',
    money: 'unchanged_by_this_request',
  })
})

it('a push that is declared as too large is refused unread', async () => {
  const headers = { 'content-type': BUNDLE_MEDIA_TYPE, 'content-length': '70000' }
  const init = { method: 'POST', headers, body: streamed([10], 'close'), duplex: 'half' } as RequestInit
  await expectRefusal(await fetchWith({}, '/offline/push', init), 'bundle_too_large')
})
