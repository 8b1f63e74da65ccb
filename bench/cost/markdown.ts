import { billOf, type Item, totalOf } from './bill.ts'
import { OBJECT_CALL_MS, OBJECT_GB } from './operations.ts'
import { HOST_USE, PLAN_USD, PRICES, PRICES_AS_OF } from './prices.ts'

/** Payments in a bundle: a device that has the network all the time, one that has it now and then, and one that seldom has. */
const SIZES = [1, 10, 50]

/** The bill for people. */
export function markdown(): string {
  const bills = SIZES.map((bundleOf) => ({ bundleOf, items: billOf(bundleOf) }))
  const timerUsd = (OBJECT_GB * PRICES.objectGbS.usdPerMillion).toFixed(2)
  return [
    '# What a million payments cost',
    '',
    `Made by \`npm run cost\`: operations of a push (\`bench/cost/operations.ts\`, counted by \`npm run bench:edge\`) times list`,
    `prices of ${PRICES_AS_OF} in US dollars. What the plan includes is not taken off, nor is its ${PLAN_USD} dollars a month added;`,
    `servers are at work ${100 * HOST_USE} % of the time; a call keeps an object active for ${OBJECT_CALL_MS} ms. Stored data are not in it.`,
    '',
    '| payments a bundle | pushes | a million payments | a payment |',
    '|---|---|---|---|',
    ...bills.map(({ bundleOf, items }) => {
      const usd = totalOf(items)
      return `| ${bundleOf} | ${many(1_000_000 / bundleOf)} | **${dollars(usd)}** | ${(usd / 10_000).toFixed(5)} ¢ |`
    }),
    '',
    'What of it is what, the dearest first:',
    '',
    `| | ${SIZES.map((bundleOf) => `at ${bundleOf}`).join(' | ')} | share at 50 |`,
    `|---|${'---|'.repeat(SIZES.length + 1)}`,
    ...(bills.at(-1)?.items ?? []).map((item) => {
      const cells = bills.map(({ items }) => dollars(sameOf(items, item).usd))
      const share = (100 * item.usd) / totalOf(bills.at(-1)?.items ?? [])
      return `| ${item.price.what} | ${cells.join(' | ')} | ${share.toFixed(1)} % |`
    }),
    '',
    `An object that waits with a timer cannot hibernate and is billed for it: each second would add ${timerUsd} dollars a million`,
    'pushes. An alarm that was set does not keep its object in memory.',
    '',
    '| price | a million | the plan includes | source |',
    '|---|---|---|---|',
    ...Object.values(PRICES).map(
      ({ what, usdPerMillion, included, source }) =>
        `| ${what} | ${dollars(usdPerMillion)} | ${included} | ${source} |`,
    ),
    '',
  ].join('\n')
}

const sameOf = (items: readonly Item[], { price }: Item): Item => {
  const found = items.find((item) => item.price === price)
  if (found === undefined) throw new Error(`no ${price.what}`)
  return found
}

const dollars = (usd: number) => `$${usd < 0.1 ? usd.toFixed(4) : usd.toFixed(2)}`
const many = (count: number) => count.toLocaleString('en').replaceAll(',', ' ')
