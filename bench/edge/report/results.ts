import type { FsyncFigures } from '../figures/fsyncs.ts'
import type { PacedFigures } from '../figures/paced.ts'
import type { ScaleFigures } from '../figures/scale.ts'
import type { StandInFigures } from '../figures/standins.ts'
import type { StorageFigures } from '../figures/storage.ts'
import type { TurnFigures } from '../figures/turns.ts'
import type { Options } from '../options.ts'
import type { Machine } from './machine.ts'

/** What came out. */
export interface Results {
  readonly machine: Machine
  readonly options: Omit<Options, 'only' | 'project' | 'out'>
  /** In turns, with bundles of 50 payments and of one. */
  readonly fifty?: TurnFigures
  readonly one?: TurnFigures
  readonly paced?: PacedFigures
  readonly fsyncs?: FsyncFigures
  /** Objects that owe something after all: must be none. */
  readonly stillOwing?: number
  readonly storage?: StorageFigures
  readonly scale?: ScaleFigures
  readonly standIns?: StandInFigures
}
