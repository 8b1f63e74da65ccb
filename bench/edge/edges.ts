import type { Options } from './options.ts'
import { type EdgeSubject, startEdgeSubject } from './subjects/edge.ts'
import type { World } from './world.ts'

/** Starts edges. In a smoke run one stands for all: to bundle and start another takes longer than all that they do. */
export interface Edges {
  /** As it is deployed. */
  start(): Promise<EdgeSubject>
  /** With its bindings wrapped (bench/counted). It imports the sources by its own place: those of this project. */
  startCounted(): Promise<EdgeSubject>
  close(): Promise<void>
}

const COUNTED = 'bench/counted/index.ts'

export function edgesOf(world: World, { size, project }: Options): Edges {
  if (size !== 'smoke') {
    return {
      start: () => startEdgeSubject(world, project),
      startCounted: () => startEdgeSubject(world, project, COUNTED),
      close: async () => {},
    }
  }
  let shared: Promise<EdgeSubject> | undefined
  const start = async (): Promise<EdgeSubject> => {
    shared ??= startEdgeSubject(world, project, COUNTED)
    return { ...(await shared), stop: async () => {} }
  }
  return { start, startCounted: start, close: async () => (await shared)?.stop() }
}
