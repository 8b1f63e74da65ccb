import { useApp } from '../../shared/app-context.tsx'

/** To the step before, of the same screen. */
export function StepBack({ onBack, busy = false }: { readonly onBack: () => void; readonly busy?: boolean }) {
  const { back } = useApp().words
  return (
    <button type="button" className="app-back" aria-disabled={busy} onClick={() => !busy && onBack()}>
      <span aria-hidden="true">‹</span> {back}
    </button>
  )
}
