import { useState } from 'react'
import type { CarriedBundle, NotCarried } from '../../../device/relay/index.ts'
import { OfflineError } from '../../../device/sdk/index.ts'
import { Time } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { PartScanner } from '../../shared/scan/part-scanner.tsx'
import { go, hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'
import { useCarrying } from './use-carrying.ts'

/** Bundles of other tills on this phone. They are not its money: no total has them. */
export function CarriedList() {
  const { words, carrying } = useTill()
  const { carried, error } = useCarrying()
  const [scanning, setScanning] = useState(false)
  const [refused, setRefused] = useState<NotCarried | 'storage_failed'>()
  const carry = async (bundle: Uint8Array) => {
    setScanning(false)
    try {
      const result = await carrying.carry(bundle)
      if (result.ok) go({ screen: 'carried', id: result.value.id })
      else setRefused(result.error)
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setRefused('storage_failed')
    }
  }
  const wrong = refused ?? (error && 'storage_failed')
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'today' })} />
      <h2>{words.carried.title}</h2>
      <p>{words.carried.what}</p>
      {wrong && (
        <p className="app-wrong" role="alert">
          {words.carried.notCarried[wrong]}
        </p>
      )}
      <button
        type="button"
        className="molam-button molam-primary"
        onClick={() => {
          setRefused(undefined)
          setScanning(true)
        }}
      >
        {words.carried.scan}
      </button>
      {carried.length === 0 ? (
        <p className="app-note">{words.carried.none}</p>
      ) : (
        <ul className="pos-carried-list">
          {carried.map((one) => (
            <Row key={one.id} carried={one} />
          ))}
        </ul>
      )}
      {scanning && (
        <PartScanner
          wanted="bundle"
          title={words.carried.scan}
          hint={words.carried.scanHint}
          onWhole={(bundle) => void carry(bundle)}
          onClose={() => setScanning(false)}
        />
      )}
    </div>
  )
}

function Row({ carried }: { readonly carried: CarriedBundle }) {
  const { words } = useTill()
  const { status } = carried.state
  return (
    <li>
      <a className="pos-carried" data-status={status} href={hrefOf({ screen: 'carried', id: carried.id })}>
        <strong>{words.carried.from(carried.deviceId)}</strong>
        <span className="pos-carried-state">{words.carried.states[status]}</span>
        <span className="app-note">
          <Time atMs={carried.atMs} />
        </span>
      </a>
    </li>
  )
}
