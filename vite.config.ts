import { defineConfig } from 'vite'
import { manifest } from './src/web/pos/manifest.ts'
import { pageConfig } from './vite.page.ts'

/** The merchant's page; `npm run build:pages` builds it and the payer's (vite.wallet.config.ts). */
export default defineConfig(pageConfig('pos', manifest))
