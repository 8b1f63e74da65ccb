// What a developer writes who installs the package: compiled against its types, never run.
import {
  currentDevice,
  enrolDevice,
  indexedDbStorage,
  onBackgroundSync,
  openOfflineDevice,
} from '@molam/offline/browser'
import { nobleAtRest, nobleSuite } from '@molam/offline/noble'
import { generateOfflineQR, OfflineQRReader } from '@molam/offline/qr'
import { BundleCarrier } from '@molam/offline/relay'
import { type KeyStore, OfflineError, OfflineSDK, type PaymentTerms } from '@molam/offline/sdk'
import { OfflinePaymentButton, OfflinePaymentProvider, OfflineStatusBanner, useLimits } from '@molam/offline/ui'

export async function open(apiUrl: string): Promise<OfflineSDK> {
  if (!(await currentDevice())) await enrolDevice({ apiUrl, deviceId: 'POS-001', code: '7H2K-9QXA-0M4V-ZR3D' })
  const sdk = await openOfflineDevice({ apiUrl, deviceId: 'POS-001' })
  await sdk.initialize()
  return sdk
}

export function onPhone(apiUrl: string, keyStore: KeyStore, random: (length: number) => Uint8Array): OfflineSDK {
  const items = new Map<string, string>()
  return new OfflineSDK({
    apiUrl,
    deviceId: 'PHONE-001',
    storage: {
      getItem: (key) => items.get(key),
      setItem: (key, value) => items.set(key, value),
      removeItem: (key) => items.delete(key),
    },
    keyStore,
    randomBytes: random,
    suite: nobleSuite(random),
    atRest: nobleAtRest(random(32), random),
    autoSync: true,
  })
}

export async function take(sdk: OfflineSDK, terms: PaymentTerms): Promise<string> {
  try {
    const payment = await sdk.createOfflineTransaction(terms)
    const how: 'online' | 'offline' = payment.taken
    return `${payment.localId} ${how} ${sdk.getLimits().remaining}`
  } catch (error) {
    if (error instanceof OfflineError && error.money === 'not_taken') return error.next
    throw error
  }
}

export async function relay(sdk: OfflineSDK, apiUrl: string): Promise<readonly string[]> {
  const carrier = new BundleCarrier({ apiUrl, storage: await indexedDbStorage('carried') })
  const bundle = await sdk.sealForRelay()
  if (bundle === undefined) return []
  const { parts } = generateOfflineQR(bundle.bytes)
  const reader = new OfflineQRReader()
  for (const part of parts) {
    const read = reader.add(part)
    if (read.status === 'complete' && read.carries === 'bundle') await carrier.carry(read.bundle)
  }
  return parts
}

function Remaining() {
  return <output>{useLimits()?.remaining}</output>
}

export function Till({ sdk, terms }: { sdk: OfflineSDK; terms: PaymentTerms }) {
  return (
    <OfflinePaymentProvider sdk={sdk} locale="fr">
      <OfflineStatusBanner />
      <Remaining />
      <OfflinePaymentButton terms={terms} />
    </OfflinePaymentProvider>
  )
}

export const worker = { sync: onBackgroundSync }
