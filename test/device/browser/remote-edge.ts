import type { Fetch, HttpRequest } from '../../../src/device/sdk/index.ts'
import { answer } from '../sdk/edge.ts'

/** The page's edge for a worker, over a channel: the worker's only network. */
interface Asked {
  readonly id: string
  readonly url: string
  readonly request: HttpRequest
}

interface Answered {
  readonly id: string
  readonly status?: number
  readonly type?: string
  readonly body?: Uint8Array
}

/** @returns ends the service */
export function serveEdge(channelName: string, fetch: Fetch): () => void {
  const channel = new BroadcastChannel(channelName)
  channel.onmessage = async ({ data }: MessageEvent<Asked | Answered>) => {
    if (!('request' in data)) return
    const { id, url, request } = data
    try {
      const { status, headers, arrayBuffer } = await fetch(url, request)
      const body = new Uint8Array(await arrayBuffer())
      channel.postMessage({ id, status, type: headers.get('content-type') ?? '', body } satisfies Answered)
    } catch {
      channel.postMessage({ id } satisfies Answered)
    }
  }
  return () => channel.close()
}

export function fetchFrom(channelName: string): Fetch {
  const channel = new BroadcastChannel(channelName)
  return (url, { signal: _, ...request }) => {
    const id = crypto.randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof answer>>()
    const listener = ({ data }: MessageEvent<Asked | Answered>) => {
      if (data.id !== id || 'request' in data) return
      channel.removeEventListener('message', listener)
      const { status, type = '', body = new Uint8Array() } = data
      if (status === undefined) reject(new TypeError('fetch failed'))
      else resolve(answer(status, type, body))
    }
    channel.addEventListener('message', listener)
    channel.postMessage({ id, url, request } satisfies Asked)
    return promise
  }
}
