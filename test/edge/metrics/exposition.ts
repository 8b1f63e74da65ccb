/** Samples of the text format 0.0.4 by metric; throws for what a scraper would not take. */
export type Sample = readonly [name: string, labels: Record<string, string>, value: number]

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf|NaN)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

export function readExposition(text: string): Map<string, Sample[]> {
  if (!text.endsWith('\n')) throw new Error('the last line must end')
  const metrics = new Map<string, Sample[]>()
  const types = new Map<string, string>()
  for (const line of text.slice(0, -1).split('\n')) {
    const [, help] = /^# HELP (\S+) .+$/.exec(line) ?? []
    const [, typed, type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? []
    if (help !== undefined) {
      if (metrics.has(help)) throw new Error(`${help} twice`)
      metrics.set(help, [])
    } else if (typed !== undefined) types.set(typed, type)
    else {
      const sample = readSample(line)
      const [family, samples] = [...metrics].at(-1) ?? ['', []]
      const suffix = types.get(family) === 'histogram' ? /^_(bucket|sum|count)$/ : /^$/
      if (!sample[0].startsWith(family) || !suffix.test(sample[0].slice(family.length))) {
        throw new Error(`${line} under ${family}`)
      }
      samples.push(sample)
    }
  }
  return metrics
}

function readSample(line: string): Sample {
  const [, name, inner = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined) throw new Error(`no sample: ${line}`)
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < inner.length) {
    const at = LABEL.lastIndex
    const [, label, text] = LABEL.exec(inner) ?? []
    if (label === undefined || text === undefined) throw new Error(`no label at ${at}: ${line}`)
    labels[label] = text
  }
  return [name, labels, Number(value === '+Inf' ? Number.POSITIVE_INFINITY : value)]
}
