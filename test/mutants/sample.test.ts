import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { double, inThread } from './sample.ts'

// Which of them may notice a deliberate bug: `trial.test.ts` has each alone see it.
const only = process.env['OTTLA_SAMPLE'] ?? 'all'
const testWhen = (where: string): typeof test => (['all', where].includes(only) ? test : test.skip)

testWhen('process')('a process that a test starts doubles', () => {
  const path = fileURLToPath(new URL('./sample.js', import.meta.url))
  expect(execFileSync(process.execPath, [path, 'print']).toString()).toBe('42')
})

testWhen('thread')('a thread doubles', async () => {
  expect(await inThread()).toBe(42)
})

testWhen('here')('the test itself doubles', () => {
  expect(double(1)).toBe(2)
})
