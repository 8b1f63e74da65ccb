import type { Delivery } from './delivery.ts'

/** A part of the Device Object that writes its rows, and owes to others what they must know of it. */
export class OwingPart {
  protected readonly storage: DurableObjectStorage
  protected readonly delivery: Delivery

  constructor(storage: DurableObjectStorage, delivery: Delivery) {
    this.storage = storage
    this.delivery = delivery
  }

  protected get sql(): SqlStorage {
    return this.storage.sql
  }
}
