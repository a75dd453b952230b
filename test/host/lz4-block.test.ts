import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { LZ4_BLOCK_WASM } from '../../src/host/lz4-block.ts'

const require = createRequire(import.meta.url)

interface Wabt {
  parseWat(
    name: string,
    text: string,
    features: object,
  ): { toBinary(options: object): { buffer: Uint8Array } }
}

const SOURCE = 'src/host/lz4-block.wat'
const BUILT = 'src/host/lz4-block.ts'

test('the decoder of LZ4 blocks is what its source says (UPDATE_WASM=1 npx jest host/lz4-block renews it)', async () => {
  const wabt = await (require('wabt') as () => Promise<Wabt>)()
  const parsed = wabt.parseWat(SOURCE, readFileSync(SOURCE, 'utf8'), { bulk_memory: true })
  const built = Buffer.from(parsed.toBinary({}).buffer).toString('base64')
  if (process.env['UPDATE_WASM']) {
    const lines = built.match(/.{1,92}/g)!.map((line) => `  '${line}'`)
    const text = `/** \`lz4-block.wat\` as WebAssembly takes it, in Base64. */\nexport const LZ4_BLOCK_WASM =\n${lines.join(' +\n')}\n`
    writeFileSync(BUILT, text)
    return
  }
  expect(LZ4_BLOCK_WASM).toBe(built)
})

test('where Node runs no WebAssembly, JavaScript decompresses, and a warning says so once', () => {
  const text = 'x'.repeat(10_000)
  const script = `
    import { lz4Codec } from './dist/src/host/lz4.js'
    const codec = lz4Codec()
    const frame = codec.compress(Buffer.from('${text}'))
    for (let time = 0; time < 2; time++) console.log(codec.decompress(frame, 1_000_000).toString())`
  const options = ['--jitless', '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' })
  expect(stdout).toBe(`${text}\n${text}\n`)
  expect(stderr.match(/LZ4 is decompressed in JavaScript/g)).toHaveLength(1)
})
