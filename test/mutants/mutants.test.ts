import { filesOf } from '../tidy/source.ts'
import { rooms } from './all.ts'
import type { Mutant } from './mutant.ts'
import { placeOf } from './mutant.ts'

const entries = Object.entries(rooms).flatMap(([room, mutants]) =>
  mutants.map((mutant) => ({ room, mutant })),
)
const describeMutant = ({ file, about }: Mutant): string => `${file}: ${about}`

test('each deliberate bug still fits its file: its text stands there, and only once', () => {
  const problems: string[] = []
  for (const { mutant } of entries) {
    try {
      placeOf(mutant, process.cwd())
      if (mutant.text === mutant.replacement) problems.push(`${describeMutant(mutant)} nothing`)
    } catch (error) {
      problems.push((error as Error).message)
    }
  }
  expect(problems).toEqual([])
})

test('each names tests that are there, unless it says why it has no effect', () => {
  const tests = filesOf('test', '.test.ts').map((path) => `dist/${path.replace(/\.ts$/, '.js')}`)
  const problems = entries.flatMap(({ mutant }) => {
    const { killedBy, equivalent } = mutant
    const unknown = killedBy.filter((pattern) => !tests.some((path) => path.match(pattern)))
    if (unknown.length > 0) return [`${describeMutant(mutant)} no test is named ${unknown.join()}`]
    if (killedBy.length > 0 !== (equivalent === undefined)) return [describeMutant(mutant)]
    return []
  })
  expect(problems).toEqual([])
})

test('each is in its room, is told in a sentence, and there only once', () => {
  const seen = new Set<string>()
  const problems = entries.flatMap(({ room, mutant }) => {
    const { file, text, replacement, about } = mutant
    const key = JSON.stringify([file, text, replacement])
    const isNew = !seen.has(key)
    seen.add(key)
    const isHere = /^(protocol|bin)\//.test(file)
      ? file.startsWith(`${room}/`)
      : file.startsWith(`src/${room}/`) || /^src\/[^/]+\.ts$/.test(file)
    return isNew && isHere && /^\S.*\.$/.test(about) ? [] : [`${room}: ${describeMutant(mutant)}`]
  })
  expect(problems).toEqual([])
})
