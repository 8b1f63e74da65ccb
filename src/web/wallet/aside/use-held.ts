import { useCallback, useEffect, useState } from 'react'
import { type HeldAllowance, OfflineError } from '../../../device/sdk/index.ts'
import { useWallet } from '../wallet-context.tsx'

/** What the SDK says of the newest allowance; `reading` before it has said anything. Read again whenever something happens on the device. */
export function useHeld(): {
  readonly held: HeldAllowance | undefined | 'reading'
  readonly refresh: () => Promise<void>
} {
  const { sdk } = useWallet()
  const [held, setHeld] = useState<HeldAllowance | undefined | 'reading'>('reading')
  const refresh = useCallback(async () => {
    try {
      setHeld(await sdk.heldAllowance())
    } catch (error) {
      // A device that was closed, or a storage that cannot be read: what was shown last stays, and the banner says what is wrong.
      if (!(error instanceof OfflineError)) throw error
    }
  }, [sdk])
  useEffect(() => {
    const read = () => void refresh()
    read()
    const offs = [sdk.on('state', read), sdk.on('sync', read)]
    return () => {
      for (const off of offs) off()
    }
  }, [sdk, refresh])
  return { held, refresh }
}
