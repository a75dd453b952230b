#!/usr/bin/env node
// CommonJS, and first: libuv reads the size of its thread pool once, before any module of ours is loaded. Reads and
// compression must not wait behind a disk that syncs slowly.
process.env.UV_THREADPOOL_SIZE ??= '16'
import('../dist/bin/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error(
    `ottla: not built: ${error.message}. Run \`npm ci\` or \`npm run build\` in the checkout first.`,
  )
  process.exit(70)
})
