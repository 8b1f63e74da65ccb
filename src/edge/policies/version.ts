import type { PolicyVersion } from '../../protocol/policy-version.ts'

/** @param versions the newest first. A version never comes into force when a newer one does no later. */
export const stillToCome = <V extends PolicyVersion>(versions: readonly V[], nowMs: number): readonly V[] =>
  versions.filter(
    ({ effectiveAtMs }, index) =>
      effectiveAtMs > nowMs && versions.slice(0, index).every((newer) => newer.effectiveAtMs > effectiveAtMs),
  )
