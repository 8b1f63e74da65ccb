import { onBackgroundSync } from '../../../src/device/browser/index.ts'
import { fetchFrom } from './remote-edge.ts'

/** A service worker that does nothing but background sync. Its URL says which database and which edge are meant. */
const { searchParams } = new URL(location.href)
const [name = '', edge = ''] = ['name', 'edge'].map((key) => searchParams.get(key) ?? '')

addEventListener('sync', (event) => onBackgroundSync(event, { name, fetch: fetchFrom(edge) }))
