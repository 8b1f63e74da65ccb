import { useProfile } from '../../ui/index.ts'
import { useTill } from './till-context.tsx'

/** Whoever sells must know before the goods are gone: what is paid to this shop cannot be posted, or not without a signature. */
export function WalletFault() {
  const { words } = useTill()
  const fault = useProfile()?.ownerWalletFault
  if (fault === undefined) return null
  return (
    <p className="pos-wallet-fault" role="alert">
      {fault === 'foreign' ? words.device.shopForeign : words.device.shopUnknown}
    </p>
  )
}
