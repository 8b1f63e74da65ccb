import { useEffect, useState } from 'react'
import { useWallet } from '../wallet-context.tsx'
import { canLock, isLocked, lock, unlock } from './presence.ts'

/** Whether the phone's own lock is asked for before each payment. Not shown on a phone that has none. */
export function LockChoice() {
  const { lock: words } = useWallet().words
  const [possible, setPossible] = useState(false)
  const [locked, setLocked] = useState(isLocked)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let current = true
    void canLock().then((can) => current && setPossible(can))
    return () => {
      current = false
    }
  }, [])
  if (!possible && !locked) return null
  const change = async () => {
    setFailed(!(await (locked ? unlock() : lock())))
    setLocked(isLocked())
  }
  return (
    <section className="app-section">
      <h3>{words.title}</h3>
      <p role="status">{locked ? words.on : words.off}</p>
      {failed && (
        <p className="app-wrong" role="alert">
          {words.failed}
        </p>
      )}
      <button type="button" className="molam-button" onClick={() => void change()}>
        {locked ? words.turnOff : words.turnOn}
      </button>
    </section>
  )
}
