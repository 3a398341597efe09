// Bundles every test/*.test.ts for Node into a temporary folder and runs it with node's own runner.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = mkdtempSync(join(tmpdir(), 'ripplecut-page-'))
const tests = readdirSync(join(root, 'test')).filter((name) => name.endsWith('.test.ts'))
try {
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: out,
      emptyOutDir: true,
      target: 'node20',
      rollupOptions: {
        input: Object.fromEntries(tests.map((name) => [name.replace('.ts', ''), join(root, 'test', name)])),
        output: { entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' },
      },
    },
  })
  const files = tests.map((name) => join(out, name.replace('.ts', '.mjs')))
  const { status } = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(out, { recursive: true, force: true })
}
