import { readFileSync, readdirSync } from 'node:fs'
import { brokerSettings, groupSettings, topicSettings } from '../../src/config/registry.ts'
import type { Settings } from '../../src/config/setting.ts'

/**
 * Compares `use` with what the code reads. It finds names between quotes, so it is a help for whoever goes through the
 * declarations and no proof: OTTLA_CHECK_USE=1 npx jest config/acted
 */
const check = process.env['OTTLA_CHECK_USE'] ? test : test.skip

const all: Settings = { ...brokerSettings, ...topicSettings, ...groupSettings }
const inherited: Settings = { ...topicSettings, ...groupSettings }

function sourceText(): string {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const meaningful = ['config/listeners.ts', 'config/broker-config.ts']
  return files
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => !file.startsWith('config/') || meaningful.includes(file))
    .map((file) => readFileSync(`src/${file}`, 'utf8'))
    .join('\n')
}

/** Whether the code reads a setting, or one that falls back to it. */
function readBy(source: string) {
  const quoted = (name: string) => source.includes(`'${name}'`)
  return (name: string) =>
    quoted(name) ||
    Object.entries(inherited).some(
      ([own, { synonyms }]) => synonyms && name in synonyms && quoted(own),
    )
}

describe('use', () => {
  check('is acted where the code reads the setting, and only there', () => {
    const isRead = readBy(sourceText())
    const named = Object.entries(all).filter(([name]) => name.includes('.'))
    const wrong = named.filter(([name, { use }]) => isRead(name) !== (use === 'acted'))
    expect({
      'acted, but never read': wrong.filter(([, { use }]) => use === 'acted').map(([name]) => name),
      'read, but only stored': wrong
        .filter(([, { use }]) => use === 'stored')
        .map(([name]) => name),
    }).toEqual({ 'acted, but never read': [], 'read, but only stored': [] })
  })
})
