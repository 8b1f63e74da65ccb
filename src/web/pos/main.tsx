import { createRoot } from 'react-dom/client'
import '../../ui/style.css'
import { App } from './app.tsx'
import './styles/index.css'
import { apply } from '../shared/preferences.ts'

const root = document.getElementById('root')
if (root === null) throw new Error('the page has no #root')
// Below the floor of browsers floor.js has said so already.
if (!document.documentElement.hasAttribute('data-below-floor')) {
  apply()
  createRoot(root).render(<App />)
}
