import type { World } from '../world.ts'
import { daysAreCounted } from './activity.ts'
import { readAdmitted } from './admitted.ts'
import { AgentsWord } from './agents-word.ts'
import { allowancesAreKept } from './allowances.ts'
import { largePaymentsAreApproved } from './approvals.ts'
import { admissionsAreAudited } from './audit.ts'
import { moneyMovesByItsOwnersWord } from './authority.ts'
import { bookedAsSigned } from './booked.ts'
import { historiesAreWhole } from './chain.ts'
import { claimsEndByTheirPayersWord } from './claims.ts'
import { codesAreTheHolders } from './codes.ts'
import { payersAreTold } from './debits.ts'
import { onlyHoldersPhonesSpeak } from './holders-words.ts'
import { nobodyHonestIsAccused } from './honest.ts'
import { holdersAreTold, mandatesAreKept } from './mandates.ts'
import { balancesFollow } from './money.ts'
import { originalsCanBeRead } from './originals.ts'
import { PayersWord } from './payers-word.ts'
import { peopleDecide } from './people.ts'
import { onePersonDecides } from './person-day.ts'
import { policyRows } from './policies.ts'
import { recordsAreShown } from './record.ts'
import { refundsGiveBackWhatWasPaid, signedRefunds } from './refunds.ts'
import { receiptsFollowThePolicy } from './rules.ts'
import { whatWaitsIsSeen } from './seen.ts'
import { copiesOfFactsAgree, nothingComesInWhileSuspended } from './standing.ts'
import { devicesAgree, everyPaymentEnds, readModelAgrees } from './story.ts'
import { receiptsAreBooked, toldIsBooked } from './told.ts'
import { waitingEndsInTime } from './waiting.ts'

/**
 * The promises of docs/architecture.md, asked of everything when all is quiet. To add one: write a function that answers with
 * sentences of what is wrong, and name it here.
 */
export async function promisesAtQuiet(world: World): Promise<string[]> {
  const payments = await world.book.payments()
  const booked = new Map(payments.map((payment) => [payment.localId, payment]))
  const admitted = await readAdmitted(world)
  const policies = policyRows(world.edge)
  const refunds = signedRefunds(admitted)
  const words = { payers: new PayersWord(world), agents: new AgentsWord(world) }
  return [
    ...world.wrong,
    ...toldIsBooked(world, booked),
    ...receiptsAreBooked(world, await world.book.bundles()),
    ...bookedAsSigned(admitted, booked),
    ...(await receiptsFollowThePolicy(admitted, policies, words)),
    ...historiesAreWhole(world, admitted),
    ...(await moneyMovesByItsOwnersWord(world, admitted, booked, words.payers)),
    ...(await largePaymentsAreApproved(admitted, booked, policies, words.agents)),
    ...claimsEndByTheirPayersWord(world, admitted, booked),
    ...onlyHoldersPhonesSpeak(world, admitted),
    ...mandatesAreKept(world, booked, policies),
    ...holdersAreTold(world, booked),
    ...(await allowancesAreKept(world, booked)),
    ...payersAreTold(world, admitted, booked),
    ...codesAreTheHolders(world, admitted),
    ...(await daysAreCounted(world, admitted, policies)),
    ...nobodyHonestIsAccused(world),
    ...nothingComesInWhileSuspended(world, admitted),
    ...(await copiesOfFactsAgree(world, admitted)),
    ...recordsAreShown(world, admitted),
    ...peopleDecide(world, admitted, booked, policies),
    ...waitingEndsInTime(world, admitted, booked),
    ...onePersonDecides(world, admitted, policies),
    ...refundsGiveBackWhatWasPaid(refunds, booked),
    ...balancesFollow(world, payments, await world.book.balances(), refunds),
    ...everyPaymentEnds(payments),
    ...devicesAgree(world, booked),
    ...(await readModelAgrees(world, booked)),
    ...(await whatWaitsIsSeen(world)),
    ...(await originalsCanBeRead(world, admitted)),
    ...(await admissionsAreAudited(world)),
    ...(await world.book.brokenAtQuiet()),
  ]
}
