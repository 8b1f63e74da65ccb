import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  anchorOf,
  commentsOf,
  DOCUMENTS,
  FILES,
  headingsOf,
  ROOT,
  read,
  SOURCES,
  TEXTS,
  withoutCode,
} from './sources.ts'

/** Every pointer in documents and comments leads to what it names. */

/** An entry of a decision speaks of its day, with the paths of then. */
const isDecision = (path: string) => /^docs\/decisions\/(?!README)/.test(path)

/** What a reader may follow: documents without their code blocks, and comments. */
const PROSE = [
  ...DOCUMENTS.map((path) => ({ path, text: withoutCode(read(path)) })),
  ...SOURCES.flatMap((path) => commentsOf(path).map(({ line, text }) => ({ path: `${path}:${line}`, text }))),
]

describe('sections', () => {
  /** The document’s path, then its section; a section alone is of the document that it stands in. */
  const CITED = /([\w./-]+\.md) §(\d+(?:\.\d+)*)/g
  const OWN = /(?<!\.md |\d |[–,] )§(\d+(?:\.\d+)*)/g
  /** Paragraphs of standards, also several with one name: `RFC 9679 §4.1, §4.2`. */
  const STANDARD =
    /(?:RFC \d+|NIST SP [\d-]+\w?|SEC \d|FIPS [\d-]+|ISO\/IEC \d+|W3C [\w ]+|draft-[\w-]+)(?:,? (?:and )?§[\dA-Z.–]+)+/g

  const numbersOf = (document: string) =>
    headingsOf(document).flatMap((title) => /^(\d+(?:\.\d+)*)/.exec(title)?.[1] ?? [])

  /** A citation may be broken over two lines. */
  const oneLine = (text: string) => text.replaceAll(/\s*\n\s*(?:\*|--|\/\/)?\s*/g, ' ')

  it('a citation of our own documents names a heading that exists', () => {
    const wrong = PROSE.flatMap(({ path, text }) =>
      [...oneLine(text).matchAll(CITED)].flatMap(([found, document = '', number = '']) =>
        FILES.includes(document) && numbersOf(document).includes(number) ? [] : [`${path}: ${found}`],
      ),
    )
    expect(wrong).toEqual([])
  })

  it('a paragraph is a standard’s with its name, or our own with the document’s path', () => {
    const wrong = PROSE.flatMap(({ path, text }) => {
      const joined = oneLine(text).replaceAll(STANDARD, '').replaceAll(CITED, '')
      const own = [...joined.matchAll(OWN)].map(([, number = '']) => number)
      const here = path.endsWith('.md') ? numbersOf(path) : []
      return own.filter((number) => !here.includes(number)).map((number) => `${path}: §${number}`)
    })
    expect(wrong).toEqual([])
  })
})

describe('paths', () => {
  const ROOMS = [...new Set(FILES.filter((path) => path.includes('/')).map((path) => path.split('/')[0]))]
  /** Written like a path: a folder or a file of this repository, or the end of its path. */
  const FILE = /(?<![\w./@:-])((?:[\w.-]+\/)*[\w-][\w.-]*\.(?:tsx?|sql|css|md|toml|json|csv|hex))(?![\w/-]|\.\w)/g
  const FOLDER = new RegExp(
    `(?<![\\w./@:-])((?:${ROOMS.join('|').replaceAll('.', '\\.')})(?:/[\\w.-]*\\w)*/?)(?![\\w(*{<…-])`,
    'g',
  )
  /** Made, or an app's own. */
  const ELSEWHERE = /^(?:package\.json|tsconfig\.json|package-lock\.json|ledger\.json)$/
  /** Files of others, by the names that they have there (test/vectors/README.md). */
  const OTHERS = [
    'src/crypto/hpke/testdata/rfc9180.json',
    'test/appendix_a.js',
    'test-vectors.json',
    'ecdsa_secp256r1_sha256_p1363_test.json',
    'aes_gcm_test.json',
  ]

  const exists = (from: string, found: string) =>
    OTHERS.includes(found) ||
    existsSync(join(ROOT, found)) ||
    existsSync(join(ROOT, dirname(from), found)) ||
    FILES.some((path) => path.endsWith(`/${found}`))

  it('a file that is named is there', () => {
    const wrong = PROSE.filter(({ path }) => !isDecision(path)).flatMap(({ path, text }) =>
      [...text.matchAll(FILE)].flatMap(([, found = '']) =>
        ELSEWHERE.test(found) || exists(path, found) ? [] : [`${path}: ${found}`],
      ),
    )
    expect(wrong).toEqual([])
  })

  it('a folder that is named is there', () => {
    const wrong = PROSE.filter(({ path }) => !isDecision(path)).flatMap(({ path, text }) =>
      [...text.matchAll(FOLDER)].flatMap(([, found = '']) =>
        found.includes('/') && !exists(path, found) && !isAlternatives(found) ? [`${path}: ${found}`] : [],
      ),
    )
    expect(wrong).toEqual([])
  })

  /** `dev/test` may be two words; `src/edge` is a folder. */
  const isAlternatives = (found: string) => found.split('/').every((word) => ROOMS.includes(word) || word === '')
})

describe('links', () => {
  const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g

  it('a relative link leads to a file, and its anchor to a heading', () => {
    const wrong = DOCUMENTS.flatMap((path) =>
      [...withoutCode(read(path)).matchAll(LINK)].flatMap(([, target = '']) => {
        if (/^[a-z]+:/.test(target)) return []
        const [file = '', anchor] = target.split('#')
        const document = file === '' ? path : normalize(join(dirname(path), file))
        if (!existsSync(join(ROOT, document))) return [`${path}: ${target}`]
        if (anchor === undefined) return []
        const isThere = document.endsWith('.md') && headingsOf(document).map(anchorOf).includes(anchor)
        return isThere ? [] : [`${path}: ${target}`]
      }),
    )
    expect(wrong).toEqual([])
  })
})

describe('decisions', () => {
  const HEADING = /^(D-\d{3}), (\d{4}-\d{2}-\d{2})$/
  const entries = DOCUMENTS.filter(isDecision).flatMap((path) =>
    headingsOf(path)
      .slice(1)
      .map((title) => ({ path, title, number: HEADING.exec(title)?.[1] })),
  )
  const numbers = entries.map(({ number }) => number)

  it('each has a number and a date, and no number comes twice or is left out', () => {
    expect(entries.filter(({ number }) => number === undefined)).toEqual([])
    const expected = numbers.map((_, index) => `D-${String(index + 1).padStart(3, '0')}`)
    expect([...numbers].sort()).toEqual(expected)
  })

  it('the index names each once, and no other', () => {
    const index = [...read('docs/decisions/README.md').matchAll(/^\| \[(D-\d{3})\]\(([\w-]+\.md)#/gm)]
    const listed = index.map(([, number, file]) => `${number} ${file}`)
    expect(listed.sort()).toEqual(entries.map(({ number, path }) => `${number} ${path.split('/').at(-1)}`).sort())
  })

  it('a number that is cited exists', () => {
    const wrong = PROSE.flatMap(({ path, text }) =>
      [...text.matchAll(/\bD-\d{3}\b/g)].flatMap(([number]) =>
        numbers.includes(number) ? [] : [`${path}: ${number}`],
      ),
    )
    expect(wrong).toEqual([])
  })
})

it('no file cites a document that a newcomer does not have', () => {
  const names = ['DESIGN', 'STYLE', 'AUTHORITY'].map((name) => `${name}.md`)
  const wrong = TEXTS.filter((path) => names.some((name) => read(path).includes(name)))
  expect(wrong).toEqual([])
})

it('an npm script that is named is in package.json', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const wrong = DOCUMENTS.filter((path) => !isDecision(path)).flatMap((path) =>
    [...read(path).matchAll(/npm run (?:-s )?([\w:]+)/g)].flatMap(([, name = '']) =>
      name in scripts ? [] : [`${path}: ${name}`],
    ),
  )
  expect(wrong).toEqual([])
})

it('a command runs with the Node that a newcomer has: through npm, which brings its own', () => {
  const wrong = PROSE.filter(({ path }) => !isDecision(path) && !path.startsWith('bench/results/')).flatMap(
    ({ path, text }) => [...text.matchAll(/(?<!npx )\bnode [\w./-]+\.ts\b/g)].map(([found]) => `${path}: ${found}`),
  )
  expect(wrong).toEqual([])
})
