import { accidents } from './accidents.ts'
import { contact } from './contact.ts'
import { office } from './office.ts'
import type { Operation } from './operation.ts'
import { payments } from './payments.ts'

/** Everything that people do and that happens to their devices. To add one: write it, name it here. */
export const OPERATIONS = { ...payments, ...contact, ...accidents, ...office } as const satisfies Record<
  string,
  Operation
>
export type OperationKind = keyof typeof OPERATIONS
