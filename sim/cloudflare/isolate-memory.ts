import { forgetKeys } from '../../src/edge/auth/wiring.ts'
import { forgetDenied } from '../../src/edge/ingest/denied-passes.ts'
import { forgetDevices } from '../../src/edge/ingest/identity-cache.ts'
import { forgetPolicies } from '../../src/edge/ingest/policy-cache.ts'
import { forgetSeen } from '../../src/edge/ingest/seen-here.ts'
import { sendWaiting } from '../../src/edge/ingest/settle-sender.ts'
import { IsolateCounters } from '../../src/edge/metrics/isolate-counters.ts'
import { counters } from '../../src/edge/metrics/recorder.ts'

/**
 * The Worker keeps some things once an isolate, in variables of its modules. A process loads them once, so a new isolate, and
 * the next run, would find what the one before left: then the same seed would not give the same run.
 */
export function forgetIsolate(): void {
  forgetKeys()
  forgetDenied()
  forgetDevices()
  forgetPolicies()
  forgetSeen()
  // What waited for its batch goes to a queue that its isolate cannot reach any more.
  void sendWaiting()
  const fresh = new IsolateCounters(() => crypto.randomUUID())
  Object.assign(counters, {
    add: fresh.add.bind(fresh),
    isDue: fresh.isDue.bind(fresh),
    flush: fresh.flush.bind(fresh),
  } satisfies Partial<IsolateCounters>)
}
