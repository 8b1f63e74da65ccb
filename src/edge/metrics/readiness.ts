/** What the Worker cannot do its work without. A check resolves, or throws. */
export type Check = () => Promise<unknown>

type CheckState = 'ok' | 'failed' | 'timeout'

export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, CheckState>>
}

/** Long enough for a cold D1, short enough for a load balancer's probe. */
export const CHECK_DEADLINE_MS = 2_000

/** How long an answer is given again: a flood of probes must not become one of D1 and Durable Object calls. */
export const READINESS_FRESH_MS = 2_000

type Timer = (ms: number) => { readonly done: Promise<void>; readonly cancel: () => void }

/**
 * Runs all checks at the same time, each with a deadline of its own. Says which failed and not why: the reason is in the
 * log, and the answer is public.
 *
 * @param onFailure gets the reason
 */
export async function checkReadiness(
  checks: Readonly<Record<string, Check>>,
  after: Timer,
  onFailure: (name: string, error: unknown) => void,
): Promise<Readiness> {
  const states = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const { done, cancel } = after(CHECK_DEADLINE_MS)
      const state = await Promise.race([
        // Started inside, so that one that throws at once is a failed check too.
        (async () => check())().then(
          (): CheckState => 'ok',
          (error: unknown): CheckState => {
            onFailure(name, error)
            return 'failed'
          },
        ),
        done.then((): CheckState => 'timeout'),
      ])
      cancel()
      return [name, state] as const
    }),
  )
  return { ready: states.every(([, state]) => state === 'ok'), checks: Object.fromEntries(states) }
}

/**
 * Waits for checks that another request began, no longer than they may take: in workerd what belongs to a request that is
 * gone may never end.
 */
export async function joinReadiness(
  found: Promise<Readiness>,
  names: readonly string[],
  after: Timer,
): Promise<Readiness> {
  const { done, cancel } = after(CHECK_DEADLINE_MS)
  const late = { ready: false, checks: Object.fromEntries(names.map((name) => [name, 'timeout' as const])) }
  const readiness = await Promise.race([found, done.then(() => late)])
  cancel()
  return readiness
}
