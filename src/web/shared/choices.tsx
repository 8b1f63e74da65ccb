import { useId } from 'react'
import { LOCALES } from '../../ui/index.ts'
import { prefer, THEMES, usePreferences } from './preferences.ts'
import { LANGUAGES } from './words/languages.ts'
import type { SharedMessages } from './words/messages.ts'

interface ChoicesProps {
  readonly words: SharedMessages
}

/** Each language in its own name. */
export function LanguageChoice({ words }: ChoicesProps) {
  return (
    <Choice
      legend={words.choices.language}
      value={usePreferences().locale}
      options={LOCALES.map((locale) => [locale, LANGUAGES[locale]] as const)}
      onChoose={(locale) => prefer({ locale })}
    />
  )
}

export function ThemeChoice({ words }: ChoicesProps) {
  return (
    <Choice
      legend={words.choices.theme}
      value={usePreferences().theme}
      options={THEMES.map((theme) => [theme, words.choices.themes[theme]] as const)}
      onChoose={(theme) => prefer({ theme })}
    />
  )
}

interface ChoiceProps<T extends string> {
  readonly legend: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  readonly onChoose: (value: T) => void
}

/** One of a few, as large as a finger. */
export function Choice<T extends string>({ legend, value, options, onChoose }: ChoiceProps<T>) {
  const name = useId()
  return (
    <fieldset className="app-choice">
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
