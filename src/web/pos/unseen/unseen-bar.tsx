import { sumOf } from '../../shared/sum.ts'
import { hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'
import { useUnseen } from './use-unseen.ts'

/** On every screen until each was opened: payments that were taken, and brought no money. */
export function UnseenBar() {
  const { unseen: words } = useTill().words
  const unseen = useUnseen()
  const [first] = unseen
  if (first === undefined) return null
  const href = hrefOf(unseen.length === 1 ? { screen: 'receipt', localId: first.localId } : { screen: 'unseen' })
  return (
    <section aria-label={words.title}>
      <a className="app-bar pos-unseen" href={href}>
        <span>{words.bar(unseen.length, sumOf(unseen))}</span> <strong>{words.open}</strong>
      </a>
    </section>
  )
}
