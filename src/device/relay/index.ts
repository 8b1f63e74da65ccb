/** The other phone: carries bundles to the edge for devices that have no network. Start at `BundleCarrier`. */
export type { CarriedBundle, CarriedState, NotCarried } from './carried.ts'
export { BundleCarrier, type CarrierOptions, type RelayReport } from './carrier.ts'
