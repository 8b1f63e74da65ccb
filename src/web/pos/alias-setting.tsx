import { type FormEvent, useState } from 'react'
import { isPiSpiAlias } from '../../device/qr/index.ts'
import type { Profile } from '../../device/sdk/index.ts'
import { Field } from '../shared/field.tsx'
import { setAlias, useAlias } from './alias.ts'
import { useTill } from './till-context.tsx'

/** Where a shop that takes part in PI-SPI says its alias: the till's code is then read by other members' apps too. */
export function AliasSetting({ shop }: { readonly shop: Profile }) {
  const { alias: words } = useTill().words
  const saved = useAlias(shop)
  const [text, setText] = useState(saved ?? '')
  const [tried, setTried] = useState(false)
  const alias = text.trim().toLowerCase()
  const isRight = alias === '' || isPiSpiAlias(alias)
  const save = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (isRight) setAlias(shop, alias === '' ? undefined : alias)
  }
  return (
    <form className="app-section" onSubmit={save}>
      <Field
        label={words.label}
        hint={words.hint}
        value={text}
        onChange={(next) => {
          setText(next)
          setTried(false)
        }}
        wrong={tried && !isRight ? words.wrong : undefined}
      />
      <button type="submit" className="molam-button">
        {words.save}
      </button>
      {tried && isRight && (
        <p className="app-note" role="status">
          {alias === '' ? words.none : words.saved}
        </p>
      )}
    </form>
  )
}
