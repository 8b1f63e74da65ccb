import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The repository's texts, as the tests of its documents read them. */
export const ROOT = resolve(import.meta.dirname, '../..')

/** Made, fetched or stored by tools. */
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', 'test-results', 'meta'])
const TEXT = /\.(?:ts|tsx|js|md|sql|css|html|toml|json|yml|yaml)$|(?:^|\/)run$/

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      const isHidden = entry.name.startsWith('.') && entry.name !== '.ci'
      return isHidden || NOT_OURS.has(entry.name) ? [] : walk(path)
    }
    return [path]
  })
}

/** Every file, by its path from the root. */
export const FILES: readonly string[] = walk('')

export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

export const TEXTS = FILES.filter((path) => TEXT.test(path) && path !== 'package-lock.json')
export const DOCUMENTS = FILES.filter((path) => path.endsWith('.md'))
export const SOURCES = FILES.filter((path) => /\.(?:tsx?|sql|css|toml)$/.test(path))

/** The comments of a source, with the line on which each begins. */
export function commentsOf(path: string): readonly { readonly line: number; readonly text: string }[] {
  const source = read(path)
  const form = path.endsWith('.sql') ? /--[^\n]*/g : path.endsWith('.toml') ? /^#[^\n]*/gm : COMMENT
  return [...source.matchAll(form)].flatMap(({ 0: text, index }) =>
    // A string or template that looks like the beginning of a comment is matched first, and left out here.
    /^['"`]/.test(text) ? [] : [{ line: source.slice(0, index).split('\n').length, text }],
  )
}

const COMMENT = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|(?<!:)\/\/[^\n]*/g

/** GitHub's anchor of a heading. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

/** The headings of a document, code blocks left out. */
export const headingsOf = (document: string): readonly string[] =>
  withoutCode(read(document))
    .split('\n')
    .flatMap((line) => /^#{1,6} (.+?)\s*$/.exec(line)?.[1] ?? [])

export const withoutCode = (markdown: string): string => markdown.replaceAll(/^```[\s\S]*?^```$/gm, '')
