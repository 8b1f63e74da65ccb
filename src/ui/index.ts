/** React components and hooks on the device SDK. Its stylesheet is `style.css`, beside this file. */
export { OfflineErrorNotice, type OfflineErrorNoticeProps } from './error-notice.tsx'
export { Amount, Time } from './figures.tsx'
export { formatAmount, formatParty, formatTime, maskParty, type TimeForm } from './format.ts'
export {
  type UnsyncedGuard,
  useClaims,
  useLimits,
  useMandated,
  useOffline,
  usePass,
  usePayment,
  usePayments,
  useProfile,
  useSync,
  useUnsyncedGuard,
} from './hooks.ts'
export { OfflinePaymentButton, type OfflinePaymentButtonProps } from './payment-button.tsx'
export { OfflinePaymentStatus, type OfflinePaymentStatusProps } from './payment-status.tsx'
export { OfflinePaymentProvider, type OfflinePaymentProviderProps } from './provider.tsx'
export { OfflineQRDisplay, type OfflineQRDisplayProps } from './qr-display.tsx'
export { OfflineStatusBanner } from './status-banner.tsx'
export { OfflineSyncProgress } from './sync-progress.tsx'
export type { SyncRun } from './sync-run.ts'
export { type TakePayment, type TakeState, useTakePayment } from './take-payment.ts'
export { OfflineTransactionList, type OfflineTransactionListProps } from './transaction-list.tsx'
export { guaranteeToShow, MESSAGES } from './words/index.ts'
export { LOCALES, type Locale, type Messages } from './words/messages.ts'
