import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runGuarded } from './guarded.ts'
import { unended } from './progress.ts'
import { useTemporaryDirectories } from './temporary.ts'

const makeDirectory = useTemporaryDirectories()

/** What waits for ever here would do so with all tests. */
const WAITING = `
  const forEver = () => new Promise(() => undefined)
  beforeAll(forEver, 50)
  test('waits for ever', forEver, 50)
  test('comes after it', () => undefined)
`

/** The tests' own configuration, for one file in a directory of its own. */
async function configFor(directory: string): Promise<string> {
  const own = (await import(pathToFileURL(resolve('jest.config.js')).href)) as {
    default: { setupFilesAfterEnv: readonly string[] }
  }
  return JSON.stringify({
    rootDir: directory,
    runner: fileURLToPath(import.meta.resolve('jest-light-runner')),
    setupFilesAfterEnv: own.default.setupFilesAfterEnv.map((path) =>
      path.replace('<rootDir>', process.cwd()),
    ),
    testMatch: ['**/*.test.mjs'],
  })
}

test.each(['--runInBand', '--maxWorkers=2'])(
  'a test or a hook that never ends fails, and those behind it are run (%s)',
  async (workers) => {
    const directory = makeDirectory()
    writeFileSync(join(directory, 'waiting.test.mjs'), WAITING)
    let output = ''
    const jest = ['node_modules/jest/bin/jest.js', '--config', await configFor(directory), workers]
    const end = await runGuarded(jest, {
      limitMs: 300_000,
      onError: (bytes) => (output += bytes.toString()),
    })
    expect(output).toContain('the test “waits for ever” took longer than 0.25 s')
    expect(output).toContain('a hook (beforeAll) took longer than 0.25 s')
    expect(output).toMatch(/Tests: +2 failed, 1 passed/)
    expect(end).toEqual({ isTimeOut: false, code: 1 })
  },
)

test('files that have begun and not ended are told from those that have', () => {
  const progress = 'begins /a b.test.js\nbegins /c.test.js\nends /c.test.js\nbegins /d.test.js\n'
  expect(unended(progress)).toEqual(['/a b.test.js', '/d.test.js'])
})
