import { useSyncExternalStore } from 'react'
import type { CarriedBundle } from '../../../device/relay/index.ts'
import { useTill } from '../till-context.tsx'
import type { CarryingState } from './carrying.ts'

export function useCarrying(): CarryingState {
  const { carrying } = useTill()
  return useSyncExternalStore(carrying.subscribe, () => carrying.state)
}

/** @param id of `CarriedBundle` */
export function useCarried(id: string): CarriedBundle | undefined {
  return useCarrying().carried.find((carried) => carried.id === id)
}
