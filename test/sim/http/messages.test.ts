import { describe, expect, test } from 'vitest'
import { SimulatedHeaders } from '../../../sim/http/headers.ts'
import { SimulatedRequest, SimulatedResponse } from '../../../sim/http/messages.ts'

/** The platform's and the simulated ones keep one contract. */
const KINDS = [
  { name: 'platform', Headers, Request, Response },
  {
    name: 'simulated',
    Headers: SimulatedHeaders as unknown as typeof Headers,
    Request: SimulatedRequest as unknown as typeof Request,
    Response: SimulatedResponse as unknown as typeof Response,
  },
]

describe.each(KINDS)('$name', ({ Headers, Request, Response }) => {
  test('fields have no case, are sorted, trimmed and joined', () => {
    const headers = new Headers({ 'X-B': ' two ', 'x-a': 'one' })
    headers.append('X-A', 'more')
    expect([...headers]).toEqual([
      ['x-a', 'one, more'],
      ['x-b', 'two'],
    ])
    expect([headers.get('X-b'), headers.get('none'), headers.has('X-A')]).toEqual(['two', null, true])
    const copy = new Headers(headers)
    copy.delete('x-a')
    expect([[...copy.keys()], [...headers.keys()]]).toEqual([['x-b'], ['x-a', 'x-b']])
    expect([...new Headers([['a', '1']]).values()]).toEqual(['1'])
  })

  test.each([
    ['a b', 'c'],
    ['', 'c'],
    ['a', 'b\r\nc: d'],
    ['a', '\u0100'],
  ])('no field is called %j with value %j', (name, value) => {
    expect(() => new Headers({ [name]: value })).toThrow(TypeError)
  })

  test('a body is a copy, and read once', async () => {
    const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3)
    const request = new Request('https://a.test', { method: 'post', body: bytes })
    bytes.fill(9)
    expect(request).toMatchObject({ method: 'POST', url: 'https://a.test/', bodyUsed: false })
    expect(new Uint8Array(await request.arrayBuffer())).toEqual(new Uint8Array([2, 3]))
    expect(request.bodyUsed).toBe(true)
    await expect(request.text()).rejects.toThrow(TypeError)
  })

  test('a text has a type, unless there is one', async () => {
    expect(new Response('é').headers.get('content-type')).toBe('text/plain;charset=UTF-8')
    const answer = new Response('{"a":"é"}', { status: 201, headers: { 'content-type': 'application/json' } })
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect([answer.ok, answer.status, await answer.json()]).toEqual([true, 201, { a: 'é' }])
    expect(await Response.json({ b: 1 }).text()).toBe('{"b":1}')
  })

  test('a message is made of another one', async () => {
    const first = new Response('told', { status: 404, headers: { 'x-a': '1' } })
    const second = new Response(first.body, first)
    expect([second.status, second.headers.get('x-a'), await second.text()]).toEqual([404, '1', 'told'])
    const asked = new Request('https://a.test/b?c', { method: 'PUT', body: 'd', headers: { 'x-a': '1' } })
    const again = new Request(asked)
    expect([again.url, again.method, again.headers.get('x-a'), await again.text()]).toEqual([
      ...['https://a.test/b?c', 'PUT', '1', 'd'],
    ])
  })

  test('a stream is passed on', async () => {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('streamed'))
        controller.close()
      },
    })
    const answer = new Response(stream, { headers: { 'x-a': '1' } })
    expect([answer.headers.get('x-a'), await answer.text()]).toEqual(['1', 'streamed'])
  })

  test('a body has a reader, can be walked through, and cancelled', async () => {
    const reader = new Response('abc').body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('abc')
    expect((await reader?.read())?.done).toBe(true)
    const chunks: Uint8Array[] = []
    for await (const chunk of new Response('abc').body as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe('abc')
    const cancelled = new Response('abc')
    await cancelled.body?.cancel()
    await expect(cancelled.text()).rejects.toThrow(TypeError)
    expect(new Response().body).toBeNull()
  })

  test('what no message is', () => {
    expect(() => new Request('https://a.test', { body: 'a' })).toThrow(TypeError)
    expect(() => new Request('/relative')).toThrow(TypeError)
    expect(() => new Response('a', { status: 204 })).toThrow(TypeError)
    expect(() => new Response('a', { status: 99 })).toThrow(RangeError)
  })
})
