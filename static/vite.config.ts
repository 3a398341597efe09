import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The server's address for `npm run dev`; the built page always talks to where it came from. */
const backend = process.env['RIPPLECUT_BACKEND'] ?? 'http://127.0.0.1:8000'

export default defineConfig({
  base: '/static/',
  resolve: {
    // CodeMirror mounts its styles as <style> elements, which a strict content security policy
    // refuses; the replacement adopts constructed style sheets instead.
    alias: [{ find: /^style-mod$/, replacement: here('./src/ui/style-mod.ts') }],
  },
  build: {
    outDir: here('../server/web/page'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      '/api': backend,
      '/login': backend,
      '/ws': { target: backend, ws: true },
    },
  },
})
