import { useRef, useState } from 'react'
import { OfflineError, readRequest } from '../../../device/sdk/index.ts'
import { useWallet } from '../wallet-context.tsx'
import { Answer } from './answer.tsx'
import { Confirm } from './confirm.tsx'

interface PayRequestProps {
  /** What a till's code says; nobody has signed it. */
  readonly request: Uint8Array
  readonly onBack: () => void
}

/** What a till asks: shown, then signed, then shown to the till. The same request is answered the same way, however often. */
export function PayRequest({ request, onBack }: PayRequestProps) {
  const { sdk } = useWallet()
  const asked = readRequest(request)
  const [answer, setAnswer] = useState<Uint8Array>()
  const [error, setError] = useState<OfflineError>()
  const [signing, setSigning] = useState(false)
  // Outside of React's state, which a second press in the same frame would not see yet.
  const busy = useRef(false)
  if (asked === undefined) throw new Error('the request was read before')
  if (answer !== undefined) return <Answer asked={asked} answer={answer} />
  const sign = async () => {
    if (busy.current) return
    busy.current = true
    setSigning(true)
    setError(undefined)
    try {
      setAnswer(await sdk.authorize(request))
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setError(cause)
    } finally {
      busy.current = false
      setSigning(false)
    }
  }
  return (
    <Confirm
      terms={asked}
      taker={asked.takerId}
      paying={signing}
      unproven={error?.code === 'not_confirmed'}
      error={error?.code === 'not_confirmed' ? undefined : error}
      onBack={onBack}
      onPay={() => void sign()}
    />
  )
}
