import { BUNDLE_BYTES_MAX } from '../../protocol/limits.ts'

/** Every bound of the symbols in one place, each with the reason for its number. */

/** Enough for a screen under glass with a reflection on it: 15 % of a symbol may be unreadable. */
export const ERROR_CORRECTION = 'medium'

/** Modules of white around a symbol (ISO/IEC 18004 §9.1); a dark page would otherwise hide the finder patterns. */
export const QUIET_ZONE_MODULES = 4

/**
 * Characters of a text that is shown as one symbol: version 20, alphanumeric. With its quiet zone it is 105 modules wide,
 * 0.6 mm each on a phone's screen. Where it fills most of a 720p camera frame it is read with a blur of 1½ pixels; version
 * 23 stands 1 pixel, version 27 half of one. About 12 payments of different customers fit.
 */
export const SINGLE_CHARS_MAX = 970

/**
 * Characters of one of several symbols: version 15, 85 modules wide with its quiet zone. A moving symbol must be read
 * from a single frame, by a hand that shakes: this one is, from a VGA frame, with a blur of 1 pixel.
 */
export const FRAME_CHARS_MAX = 600

/** Half a SHA-256 over the whole names what a part belongs to, and proves the whole. Half digests chain bundles too. */
export const ID_BYTES = 16

/** The first bytes of a SHA-256 over one part: a part that was read wrong does not cost those that were read right. */
export const CHECK_BYTES = 4

/** `MOLAM1:B100/179:` is the longest. */
const HEADER_CHARS_MAX = 16

/** Bytes of the whole that fit into a text of so many characters; base45 writes two bytes as three characters. */
const carried = (chars: number) => 2 * Math.floor((chars - HEADER_CHARS_MAX) / 3) - ID_BYTES - CHECK_BYTES

export const SINGLE_BYTES_MAX = carried(SINGLE_CHARS_MAX)
export const FRAME_BYTES_MAX = carried(FRAME_CHARS_MAX)

/** Parts of the largest bundle there is. */
export const PARTS_MAX = Math.ceil(BUNDLE_BYTES_MAX / FRAME_BYTES_MAX)

/** What a reader collects at once: two phones that show their symbols side by side, and what was scanned before. */
export const SETS_MAX = 4
