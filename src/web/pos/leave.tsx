import { useState } from 'react'
import { forgetDevice } from '../../sdk-browser/index.ts'
import { useOffline } from '../../ui/index.ts'
import { useTill } from './till-context.tsx'

/** Removes the till from this phone; never while payments are on this phone alone. */
export function LeaveTill() {
  const { device } = useTill().words
  const { unsynced } = useOffline()
  const [sure, setSure] = useState(false)
  const [kept, setKept] = useState<number | 'unknown'>(0)
  const [failed, setFailed] = useState(false)
  const blocking = unsynced > 0 ? unsynced : kept
  const press = async () => {
    if (unsynced > 0) return
    if (!sure) return setSure(true)
    // It looks at the storage itself, under the lock: another tab may have taken a payment this moment.
    const result = await forgetDevice().catch(() => undefined)
    setFailed(result === undefined)
    if (result?.forgotten) location.replace('/pos/')
    else if (result) setKept(result.unsynced)
  }
  return (
    <section className="pos-section">
      <h3>{device.leave}</h3>
      <p>{device.leaveWhat}</p>
      {blocking !== 0 && <p className="pos-wrong">{device.leaveUnsynced(blocking)}</p>}
      {failed && (
        <p className="pos-wrong" role="alert">
          {device.leaveFailed}
        </p>
      )}
      <button type="button" className="molam-button" aria-disabled={unsynced > 0} onClick={() => void press()}>
        {sure ? device.leaveSure : device.leaveDo}
      </button>
    </section>
  )
}
