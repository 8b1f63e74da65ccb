import type { AllowanceStanding } from '../../src/protocol/allowances.ts'
import { allowanceKey, type ModelState } from './state.ts'

/** The newest allowance that a device asked for, as it is told; and the newest one that convicts it. */
export function allowanceVerdict(
  state: ModelState,
  deviceId: string,
): { readonly allowance: AllowanceStanding; readonly convictedNo: number } | undefined {
  const [newest] = state.allowanceOrders
    .filter((row) => row.payerDeviceId === deviceId && row.order.choice === 'open' && row.result !== null)
    .filter((row) => row.result === 'opened' || !state.allowances.has(allowanceKey(deviceId, row.order.no)))
    .sort((a, b) => b.order.no - a.order.no || b.rev - a.rev)
  if (newest?.order.choice !== 'open') return undefined
  const { no, ceiling } = newest.order
  const convicted = [...state.allowances.values()].filter(
    (one) => one.deviceId === deviceId && state.misused.has(allowanceKey(deviceId, one.no)),
  )
  const found = state.allowances.get(allowanceKey(deviceId, no))
  const allowance: AllowanceStanding = found
    ? { no, ceiling, state: found.state, untilMs: found.untilMs }
    : { no, ceiling, state: 'refused', ...(newest.result !== null && { reason: newest.result }) }
  return { allowance, convictedNo: Math.max(0, ...convicted.map((one) => one.no)) }
}
