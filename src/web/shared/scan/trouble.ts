import type { CameraTrouble } from './camera.ts'

/**
 * Why nothing is read with the camera.
 *
 * - `reader`: there may be a picture, and nothing in this browser that reads it
 */
export type ScanTrouble = CameraTrouble | 'reader'
