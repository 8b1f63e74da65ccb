import { defineConfig } from 'vite'
import { manifest } from './src/web/wallet/manifest.ts'
import { pageConfig } from './vite.page.ts'

/** The payer's page. */
export default defineConfig(pageConfig('wallet', manifest))
