import { equalBytes } from '../../src/protocol/bytes.ts'
import { type ChainLink, GENESIS_PREV, type Named, type Neighbours, prevOf } from '../../src/protocol/chain.ts'

/** What a step is held against, looked up in the whole list: as the Device Object finds it in its tables. */
export function neighboursIn(links: readonly ChainLink[], { seq, prev }: ChainLink): Neighbours {
  const at = (place: number) => links.find((link) => link.seq === place)
  return {
    head: Math.max(0, ...links.map((link) => link.seq)),
    before: at(seq - 1),
    same: at(seq),
    after: at(seq + 1),
    over: links
      .flatMap((link) => {
        const named = namedBy(links, link)
        return named === undefined ? [] : [{ ...link, named }]
      })
      .find((link) => link.named < seq && seq < link.seq),
    named: nameOf(links, seq, prev),
  }
}

/** The seq that a bundle names, where that is not the one before it; 0 for the beginning of the chain. */
function namedBy(links: readonly ChainLink[], { seq, prev }: Pick<ChainLink, 'seq' | 'prev'>): number | undefined {
  if (equalBytes(prev, GENESIS_PREV)) return seq > 1 ? 0 : undefined
  return links.find((link) => link.seq < seq - 1 && equalBytes(prevOf(link.digest), prev))?.seq
}

function nameOf(links: readonly ChainLink[], seq: number, prev: Uint8Array): Named | undefined {
  const named = namedBy(links, { seq, prev })
  if (named === undefined) return undefined
  const inside = links.filter((link) => named < link.seq && link.seq < seq)
  const isLost = (link: ChainLink) => equalBytes(link.prev, prev) || (namedBy(links, link) ?? named) < named
  return { seq: named, between: inside.find((link) => !isLost(link)) }
}
