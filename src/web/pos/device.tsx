import { useId } from 'react'
import { LOCALES } from '../../ui/index.ts'
import { ExportUnsynced } from './export-unsynced.tsx'
import { KeepStorage } from './keep-storage.tsx'
import { LeaveTill } from './leave.tsx'
import { prefer, THEMES, usePreferences } from './preferences.ts'
import { TakeOver } from './take-over.tsx'
import { useShop, useTill } from './till-context.tsx'
import { MESSAGES } from './words/index.ts'

/** This till: who it is, how it is shown, and what protects what is only on it. */
export function Device() {
  const { deviceId, words } = useTill()
  const { locale, theme } = usePreferences()
  const shop = useShop()
  return (
    <div className="pos-device">
      <h2>{words.device.title}</h2>
      <dl className="pos-facts">
        <div>
          <dt>{words.device.id}</dt>
          <dd>{deviceId}</dd>
        </div>
        {shop && (
          <div>
            <dt>{words.device.shop}</dt>
            <dd>{shop.ownerWallet}</dd>
          </div>
        )}
      </dl>
      <Choice
        legend={words.device.language}
        value={locale}
        options={LOCALES.map((option) => [option, MESSAGES[option].language] as const)}
        onChoose={(chosen) => prefer({ locale: chosen })}
      />
      <Choice
        legend={words.device.theme}
        value={theme}
        options={THEMES.map((option) => [option, words.device.themes[option]] as const)}
        onChoose={(chosen) => prefer({ theme: chosen })}
      />
      <KeepStorage />
      <ExportUnsynced />
      <TakeOver />
      <LeaveTill />
    </div>
  )
}

interface ChoiceProps<T extends string> {
  readonly legend: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  readonly onChoose: (value: T) => void
}

function Choice<T extends string>({ legend, value, options, onChoose }: ChoiceProps<T>) {
  const name = useId()
  return (
    <fieldset className="pos-choice">
      <legend>{legend}</legend>
      {options.map(([option, text]) => (
        <label key={option}>
          <input type="radio" name={name} checked={option === value} onChange={() => onChoose(option)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  )
}
