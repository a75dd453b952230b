import { readFileSync, writeFileSync } from 'node:fs'
import { configurationDocument } from '../../src/config/document.ts'

const path = 'docs/configuration.md'

test('docs/configuration.md says what the declarations say', () => {
  if (process.env['UPDATE_DOCS']) writeFileSync(path, configurationDocument())
  expect(readFileSync(path, 'utf8')).toBe(configurationDocument())
})
