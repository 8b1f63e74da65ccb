import { useProfile } from '../../ui/index.ts'
import { useTill } from './till-context.tsx'

/** Whoever sells must know before the goods are gone: nothing that is paid to this shop can be posted. */
export function WalletUnknown() {
  const { words } = useTill()
  if (!useProfile()?.ownerWalletUnknown) return null
  return (
    <p className="pos-wallet-unknown" role="alert">
      {words.device.shopUnknown}
    </p>
  )
}
