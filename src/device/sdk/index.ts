/** The device SDK: payments taken offline, settled exactly once. Start at `OfflineSDK`. */
export type { CryptoSuite, Signer } from '../../crypto/suite.ts'
export { es256Signer, webCryptoSuite } from '../../crypto/webcrypto.ts'
export { decodeKeySet, type EdgeKey, type KeySet } from '../../protocol/keyset.ts'
export type { Policy } from '../../protocol/policy.ts'
export type { Verdict } from '../../protocol/rules.ts'
export type { Reason } from '../../protocol/states.ts'
export { canonicalWallet, type WalletFault } from '../../protocol/wallet.ts'
export type { OfflineBehavior } from './behavior.ts'
export { type Enrolment, type EnrolOptions, enrolSigner } from './enrol.ts'
export {
  asStorageFailure,
  type Money,
  type NextStep,
  OfflineError,
  type OfflineErrorCode,
  type WrongWallet,
} from './errors.ts'
export type { OfflineEvents } from './events.ts'
export type { OfflineSDKOptions } from './options.ts'
export type { PaymentTerms } from './payment-terms.ts'
export type { OfflinePayment, TakenPayment } from './payment-view.ts'
export type { AtRestCipher } from './ports/at-rest.ts'
export type { ClockSource } from './ports/clock.ts'
export type { Channel, Exclusive, Hint, Hints } from './ports/contexts.ts'
export type { FileCrypto } from './ports/file-crypto.ts'
export { type KeyStatus, type KeyStore, scalarKeyStore } from './ports/key-store.ts'
export { memoryStorage, type Storage } from './ports/storage.ts'
export { webCryptoAtRest } from './ports/web-crypto-at-rest.ts'
export type { Profile } from './profile.ts'
export { type ExportedPayment, openExport, type UnsyncedExport } from './rescue/export.ts'
export type { DestroyReport } from './rescue/left-behind.ts'
export type { Restored, RestoreResult } from './rescue/restore.ts'
export { OfflineSDK } from './sdk.ts'
export type { OfflineState } from './sdk-state.ts'
export type { Allowance, Quota } from './store/allowance.ts'
export type { DamagedRecord } from './store/counter-record.ts'
export type { SyncDue } from './store/deadline.ts'
export type { EntryStatus } from './store/entry.ts'
export type { Parked } from './store/outgoing.ts'
export type { RelayBundle } from './sync/relay.ts'
export type { SyncReport } from './sync/sync.ts'
export type { SyncProgress } from './sync/sync-deps.ts'
export type { Fetch, HttpRequest, HttpResponse, NewAbort, Timers } from './sync/transport.ts'
