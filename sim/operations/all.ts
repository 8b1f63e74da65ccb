import { accidents } from './accidents.ts'
import { allowances } from './allowances.ts'
import { makeUpApproval } from './approvals.ts'
import { cheatWithPhone, payWithStolenPhone } from './cheats.ts'
import { claims } from './claims.ts'
import { cloneTill } from './clone.ts'
import { consentByCode } from './codes.ts'
import { changeConsent, payAlone } from './consents.ts'
import { contact } from './contact.ts'
import { payCovered } from './covered.ts'
import { usePower } from './crooked.ts'
import { forge, forgeIndex } from './forged.ts'
import { freeze } from './freeze.ts'
import { sendGarbage } from './garbage.ts'
import { halt } from './halt.ts'
import { hide } from './hidden.ts'
import { hideEnded } from './hidden-ended.ts'
import { lie } from './hostile.ts'
import { sharePhones } from './household.ts'
import { replaceTill } from './keys.ts'
import { mandates } from './mandates.ts'
import { office } from './office.ts'
import type { Operation } from './operation.ts'
import { bringBacklog, takeFromOutside } from './outsider.ts'
import { payments } from './payments.ts'
import { readModel } from './read-model.ts'
import { giveBack } from './refunds.ts'

/** Everything that people do and that happens to their devices. To add one: write it, name it here. */
export const OPERATIONS = {
  ...payments,
  ...contact,
  ...accidents,
  ...office,
  ...readModel,
  usePower,
  ...claims,
  ...mandates,
  ...allowances,
  payCovered,
  cheatWithPhone,
  payWithStolenPhone,
  lie,
  makeUpApproval,
  forge,
  forgeIndex,
  hide,
  hideEnded,
  sendGarbage,
  replaceTill,
  cloneTill,
  takeFromOutside,
  bringBacklog,
  changeConsent,
  payAlone,
  giveBack,
  sharePhones,
  consentByCode,
  freeze,
  halt,
} as const satisfies Record<string, Operation>
export type OperationKind = keyof typeof OPERATIONS
