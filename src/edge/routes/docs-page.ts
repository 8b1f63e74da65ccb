/** The page at /docs: renders /openapi.json with nothing from anywhere else. Texts are set as text, never as HTML. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0b6e4f }
@media (prefers-color-scheme: dark) { :root { --accent: #5fd3a8 } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; text-transform: capitalize }
p { margin: .25rem 0 } code, pre, .path { font: 13px/1.5 ui-monospace, monospace }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0 }
summary { cursor: pointer; padding: .5rem .75rem; display: flex; gap: .75rem; flex-wrap: wrap; align-items: baseline }
summary:focus-visible { outline: 2px solid var(--accent) }
.method { font-weight: 700; width: 3.2rem; color: var(--accent) } .what { opacity: .8 }
.inside { border-top: 1px solid var(--line); padding: .5rem .75rem }
pre { background: var(--soft); border-radius: 4px; overflow: auto; padding: .5rem; margin: .25rem 0 }
h3 { font-size: .85rem; margin: .75rem 0 .25rem; opacity: .7 } table { border-collapse: collapse }
td { border-bottom: 1px solid var(--line); padding: .2rem 1rem .2rem 0; vertical-align: top }
`

export const PAGE_SCRIPT = `
const add = (parent, name, text, className) => {
  const node = document.createElement(name)
  if (text !== undefined) node.textContent = text
  if (className) node.className = className
  parent.append(node)
  return node
}
const rows = (parent, title, entries) => {
  if (entries.length === 0) return
  add(parent, 'h3', title)
  const table = add(parent, 'table')
  for (const cells of entries) {
    const row = add(table, 'tr')
    for (const cell of cells) add(row, 'td', cell)
  }
}
const typeOf = (schema) => schema?.enum?.join(' | ') ?? schema?.type ?? ''
const who = (operation) => [operation['x-callers']].flat().join(', ')
fetch('/openapi.json').then((answer) => answer.json()).then((api) => {
  const root = document.querySelector('main')
  add(root, 'p', api.info.description)
  const link = add(add(root, 'p'), 'a', 'openapi.json')
  link.href = '/openapi.json'
  const groups = new Map()
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? 'other'
      groups.set(tag, [...(groups.get(tag) ?? []), { path, method, operation }])
    }
  }
  for (const [tag, operations] of groups) {
    add(root, 'h2', tag)
    for (const { path, method, operation } of operations) {
      const box = add(root, 'details')
      const head = add(box, 'summary')
      add(head, 'span', method.toUpperCase(), 'method')
      add(head, 'span', path, 'path')
      add(head, 'span', operation.summary, 'what')
      const inside = add(box, 'div', undefined, 'inside')
      rows(inside, 'Who', [[who(operation)]])
      rows(inside, 'Parameters', (operation.parameters ?? []).map((p) => [p.name, p.in, typeOf(p.schema), p.required ? 'required' : '', p.schema?.description ?? p.description ?? '']))
      for (const [type, content] of Object.entries(operation.requestBody?.content ?? {})) {
        add(inside, 'h3', 'Body, ' + type)
        add(inside, 'pre', JSON.stringify(content.schema, null, 2))
      }
      rows(inside, 'Answers', Object.entries(operation.responses).map(([status, r]) => [status, Object.keys(r.content ?? {}).join(', '), r.description]))
    }
  }
}).catch(() => add(document.querySelector('main'), 'p', 'openapi.json cannot be read.'))
`

export const page = (title: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${PAGE_STYLE}</style></head>
<body><main><h1>${title}</h1></main><script>${PAGE_SCRIPT}</script></body></html>`
