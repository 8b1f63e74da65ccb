import { createRoot } from 'react-dom/client'
import '../../ui/style.css'
import { App } from './app.tsx'
import './styles/index.css'
import { apply } from './preferences.ts'

apply()
const root = document.getElementById('root')
if (root === null) throw new Error('the page has no #root')
createRoot(root).render(<App />)
