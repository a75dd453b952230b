import type { Damage } from '../../../src/log/segment/damage.ts'
import { KnownDamage } from '../../../src/log/segment/known-damage.ts'

const ENDLESS: Damage = { position: 500, fromOffset: 5, toOffset: Infinity, endPosition: 600 }
const AMONG_OTHERS: Damage = { position: 100, fromOffset: 1, toOffset: 3, endPosition: 300 }

function knownDamage() {
  const paths: object[] = []
  const known = new KnownDamage(
    { error: (fields: object) => void paths.push(fields) },
    () => '/data/t-0/0.log',
  )
  known.note(AMONG_OTHERS)
  known.note(ENDLESS)
  return { known, paths }
}

test('an offset is in damage from its first offset to before the next batch', () => {
  const { known } = knownDamage()
  expect([0, 1, 2, 3, 4, 5, 99].map((offset) => known.at(offset, 600))).toEqual([
    null,
    AMONG_OTHERS,
    AMONG_OTHERS,
    null,
    null,
    ENDLESS,
    ENDLESS,
  ])
})

test("damage to the file's end holds until something is written behind it", () => {
  const { known } = knownDamage()
  expect(known.at(5, 600)).toEqual(ENDLESS)
  expect(known.at(5, 700)).toBeNull()
  expect(known.at(2, 700)).toEqual(AMONG_OTHERS)
})

test('damage that was cut off is forgotten, what is before the cut is not', () => {
  const { known } = knownDamage()
  known.cutAt(500)
  expect(known.at(5, 600)).toBeNull()
  expect(known.at(2, 600)).toEqual(AMONG_OTHERS)
  known.cutAt(200)
  expect(known.at(2, 600)).toBeNull()
})

test('damage is told once, however often it is met', () => {
  const { known, paths } = knownDamage()
  known.note(ENDLESS)
  known.cutAt(0)
  known.note(ENDLESS)
  expect(paths).toMatchObject([{ fromOffset: 1 }, { fromOffset: 5 }])
})
