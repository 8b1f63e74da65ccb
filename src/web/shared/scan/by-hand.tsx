import { useState } from 'react'
import { useApp } from '../app-context.tsx'
import { PLAIN } from '../enrol.tsx'
import { Decoder, ReaderUnable } from './decoder.ts'

interface ByHandProps {
  readonly onRead: (text: string) => void
}

/** The ways without this page's camera: photos of the code, or its text, which a scanner at the counter types. */
export function ByHand({ onRead }: ByHandProps) {
  const { scan } = useApp().words
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState<string>()
  const enter = () => {
    // Such a scanner goes on with the next symbol.
    setText('')
    if (text !== '') onRead(text)
  }
  const choose = async (input: HTMLInputElement) => {
    const pictures = [...(input.files ?? [])]
    input.value = ''
    try {
      const texts = await textsIn(pictures)
      setWrong(texts.includes(undefined) ? scan.noneInPicture : undefined)
      for (const found of texts) if (found !== undefined) onRead(found)
    } catch {
      setWrong(scan.unable)
    }
  }
  return (
    <div className="app-form">
      <label className="molam-button app-picture">
        <input type="file" accept="image/*" multiple onChange={({ target }) => void choose(target)} />
        <span>{scan.picture}</span>
      </label>
      {wrong !== undefined && (
        <p className="app-wrong" role="alert">
          {wrong}
        </p>
      )}
      <label className="app-field">
        <span>{scan.text}</span>
        <input
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return
            // Not the form that the scanner may have been opened from.
            event.preventDefault()
            enter()
          }}
          {...PLAIN}
        />
      </label>
    </div>
  )
}

/**
 * The text of the symbol in each picture; undefined where there is none, or what was chosen is no picture.
 *
 * @throws ReaderUnable
 */
async function textsIn(pictures: readonly Blob[]): Promise<readonly (string | undefined)[]> {
  const texts: (string | undefined)[] = []
  for (const picture of pictures) {
    const decoder = new Decoder()
    try {
      texts.push(await decoder.read(picture))
    } catch (error) {
      if (error instanceof ReaderUnable) throw error
      texts.push(undefined)
    } finally {
      decoder.close()
    }
  }
  return texts
}
