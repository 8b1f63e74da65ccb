import { useProfile } from '../../../ui/index.ts'
import { useWallet } from '../wallet-context.tsx'

/** Whether the holder of the wallet has consented that this phone pays, as the edge last signed it. */
export function useMayPay(): boolean {
  const { sdk } = useWallet()
  const until = useProfile()?.paysUntilMs
  return until !== undefined && until > sdk.nowMs
}
