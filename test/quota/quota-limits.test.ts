import { QuotaLimits } from '../../src/quota/quota-limits.ts'

type Names = Readonly<Record<string, string | null>>

const entity = (names: Names) =>
  Object.entries(names).map(([entityType, entityName]) => ({ entityType, entityName }))

/** Kafka's order, the most specific one first, and who shares what it allows. */
const LEVELS: readonly (readonly [Names, user: string, clientId: string])[] = [
  [{ user: 'u', 'client-id': 'c' }, 'u', 'c'],
  [{ user: 'u', 'client-id': null }, 'u', 'c'],
  [{ user: 'u' }, 'u', ''],
  [{ user: null, 'client-id': 'c' }, 'u', 'c'],
  [{ user: null, 'client-id': null }, 'u', 'c'],
  [{ user: null }, 'u', ''],
  [{ 'client-id': 'c' }, '', 'c'],
  [{ 'client-id': null }, '', 'c'],
]

test.each(LEVELS.map((level, index) => [index + 1, ...level] as const))(
  'Level %d of the limits, %j, counts before all behind it',
  (level, names, user, clientId) => {
    const limits = new QuotaLimits()
    LEVELS.forEach(([each], index) => {
      if (index >= level - 1) limits.set(entity(each), 100 + index)
    })
    expect(limits.find('u', 'c')).toEqual({ limit: 99 + level, user, clientId, level })
    limits.set(entity(names), null)
    expect(limits.find('u', 'c')?.level).toBe(level === 8 ? undefined : level + 1)
  },
)

test('Limits of others limit nobody else', () => {
  const limits = new QuotaLimits()
  limits.set(entity({ user: 'u', 'client-id': 'c' }), 1)
  limits.set(entity({ user: 'v' }), 2)
  limits.set(entity({ 'client-id': 'd' }), 3)
  expect(limits.find('u', 'e')).toBeNull()
  expect(limits.find('w', 'c')).toBeNull()
  expect(limits.find('u', 'd')?.limit).toBe(3)
})

test('A client that gives no id is limited by its user alone', () => {
  const limits = new QuotaLimits()
  for (const [names] of LEVELS) limits.set(entity(names), 1)
  expect(limits.find('u', '')?.level).toBe(3)
  limits.set(entity({ user: 'u' }), null)
  expect(limits.find('u', '')?.level).toBe(6)
  limits.set(entity({ user: null }), null)
  expect(limits.find('u', '')).toBeNull()
})

test('Nothing is left of limits that are gone', () => {
  const limits = new QuotaLimits()
  expect(limits.isEmpty).toBe(true)
  for (const [names] of LEVELS) limits.set(entity(names), 1)
  expect(limits.isEmpty).toBe(false)
  for (const [names] of LEVELS) limits.set(entity(names), null)
  expect(limits.isEmpty).toBe(true)
})
