/** A page imports its styles; Vite bundles them. */
declare module '*.css'
