import { ulidText } from '../../src/protocol/ids.ts'
import type { World } from '../world.ts'
import type { AdmittedDevice } from './admitted.ts'

/** Looked at in a run: the oldest of each device, which were moved first. */
const BUNDLES_A_DEVICE = 3

/** Promise 1: what a receipt covers can be read, wherever its bytes are by now. */
export async function originalsCanBeRead({ office }: World, admitted: readonly AdmittedDevice[]): Promise<string[]> {
  const wrong: string[] = []
  for (const { id, bundles } of admitted) {
    for (const { receipt } of bundles.slice(0, BUNDLES_A_DEVICE)) {
      const bundleId = ulidText(receipt.bundleId)
      const path = `/offline/bundles/${bundleId}?device_id=${id}`
      const { body } = await office.ask('adama', 'pay_auditor', 'GET', path)
      if (body['contents'] !== 'verified') wrong.push(`${bundleId} of ${id} can be read by nobody: ${body['contents']}`)
    }
  }
  return wrong
}
