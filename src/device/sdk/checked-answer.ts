import type { PaymentTerms } from './payment-terms.ts'
import type { OfflinePayment } from './payment-view.ts'

/** What a payer's answer says: what would be taken, or the payment that it was taken for before. */
export type CheckedAnswer =
  | { readonly terms: PaymentTerms; readonly payment?: undefined }
  | { readonly payment: OfflinePayment; readonly terms?: undefined }
