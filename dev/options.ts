import { parseArgs } from 'node:util'
import { CannotStart } from './place.ts'

/** What `npm start -- …` takes. */
export interface StartOptions {
  /** End when everything is settled, instead of running until Ctrl-C. */
  readonly exit: boolean
  readonly payments: number
  readonly devices: number
  /** One JSON line on stdout; everything else goes to stderr. */
  readonly json: boolean
  /** Clear the state first. */
  readonly reset: boolean
  readonly seed: number
}

export const USAGE = `npm start [-- options]

  --exit          end when all is settled; the exit code says whether the books agree
  --payments N    payments of the market day (default 600)
  --devices N     devices that take them (default 40)
  --json          one JSON line at the end
  --reset         clear .data first
  --seed N        another day (default 1)`

/** @throws CannotStart with the usage when an option is wrong */
export function parseOptions(args: readonly string[]): StartOptions {
  let values: Record<string, string | boolean | undefined>
  try {
    ;({ values } = parseArgs({
      args: [...args],
      options: {
        exit: { type: 'boolean', default: false },
        payments: { type: 'string', default: '600' },
        devices: { type: 'string', default: '40' },
        json: { type: 'boolean', default: false },
        reset: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
      },
    }))
  } catch (error) {
    throw new CannotStart(`${(error as Error).message}\n\n${USAGE}`)
  }
  const count = (name: string, max: number): number => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value >= 1 && value <= max) return value
    throw new CannotStart(`--${name} is a whole number from 1 to ${max}\n\n${USAGE}`)
  }
  const flag = (name: string) => values[name] === true
  return {
    exit: flag('exit'),
    payments: count('payments', 1_000_000),
    devices: count('devices', 10_000),
    json: flag('json'),
    reset: flag('reset'),
    seed: count('seed', 2 ** 31 - 1),
  }
}
