import { useState } from 'react'
import { useProfile } from '../../../ui/index.ts'
import { FirstContact } from '../../shared/first-contact.tsx'
import { useMayPay } from '../home/use-may-pay.ts'
import { NotAllowed } from './not-allowed.tsx'
import { PayRequest } from './pay-request.tsx'
import { PayTransfer } from './pay-transfer.tsx'

/** Pays out of this wallet: what a till asks, once its code was scanned, or to a number. */
export function Pay() {
  const profile = useProfile()
  const mayPay = useMayPay()
  const [request, setRequest] = useState<Uint8Array>()
  if (profile === undefined) return <FirstContact />
  if (!mayPay) return <NotAllowed />
  if (request !== undefined) return <PayRequest request={request} onBack={() => setRequest(undefined)} />
  return <PayTransfer profile={profile} onRequest={setRequest} />
}
