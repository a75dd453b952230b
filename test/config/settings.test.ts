import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import {
  brokerSettings,
  clientMetricsSettings,
  groupSettings,
  topicSettings,
} from '../../src/config/registry.ts'
import { defaultOf, type Setting, type Settings, type Valid } from '../../src/config/setting.ts'
import { quickJava } from '../support/quick-java.ts'

/** A line of what ConfigFacts.java prints. */
interface Fact {
  readonly name: string
  readonly type: string
  readonly default: string | null
  readonly required: boolean
  readonly internal: boolean
  readonly validator: string | null
  readonly dynamic?: string
  readonly onlyDynamic?: boolean
  readonly synonyms?: readonly { readonly name: string; readonly ofOne: string }[]
  readonly synonym?: string | null
}
type Facts = Readonly<Record<'broker' | 'topic' | 'group' | 'clientMetrics', readonly Fact[]>>

const registry: Readonly<Record<keyof Facts, Settings>> = {
  broker: brokerSettings,
  topic: topicSettings,
  group: groupSettings,
  clientMetrics: clientMetricsSettings,
}

const committed = 'test/fixtures/config/facts.json'
const sources: [string, () => string][] = [
  ['the committed facts', () => readFileSync(committed, 'utf8')],
]
const jars = process.env['OTTLA_KAFKA_JARS']
if (jars) {
  const program = 'test/config/ConfigFacts.java'
  sources.push([
    `the jars in ${jars}`,
    () => execFileSync('java', [...quickJava(jars), program], { encoding: 'utf8' }),
  ])
}

describe.each(sources)('the registry against %s', (_label, read) => {
  const facts = JSON.parse(read()) as Facts

  describe.each(['broker', 'topic', 'group', 'clientMetrics'] as const)('%s settings', (kind) => {
    test('all of Apache Kafka are known, and no others but our own', () => {
      const names = Object.keys(registry[kind]).filter((name) => !name.startsWith('ottla.'))
      expect(names.sort()).toEqual(facts[kind].map(({ name }) => name).sort())
    })

    test('have its types, defaults, valid values, update modes and synonyms', () => {
      const ours = facts[kind].map(({ name }) => factOf(name, registry[kind][name]!))
      expect(ours).toEqual(facts[kind].map(comparable))
    })
  })
})

function comparable(fact: Fact) {
  return {
    name: fact.name,
    type: fact.type,
    default: fact.default,
    required: fact.required,
    internal: fact.internal,
    validator: fact.validator || null,
    dynamic: fact.dynamic ?? 'read-only',
    onlyDynamic: fact.onlyDynamic ?? false,
    synonyms: fact.synonym
      ? { [fact.synonym]: 1 }
      : Object.fromEntries((fact.synonyms ?? []).map(({ name, ofOne }) => [name, Number(ofOne)])),
  }
}

const MODES = { cluster: 'cluster-wide', broker: 'per-broker' }

function factOf(name: string, setting: Setting) {
  return {
    name,
    type: setting.type,
    default: defaultOf(setting).text,
    required: setting.required ?? false,
    internal: setting.internal ?? false,
    validator: validatorOf(name, setting),
    dynamic: setting.dynamic ? MODES[setting.dynamic] : 'read-only',
    onlyDynamic: setting.onlyDynamic ?? false,
    synonyms: setting.synonyms ?? {},
  }
}

/** Restrictions in the words of Kafka's validators. */
function validatorOf(name: string, setting: Setting & Valid): string | null {
  const { min, max, or, oneOf } = setting
  if (or !== undefined) return `[${min},...,${max}] or ${or}`
  if (min !== undefined) return max === undefined ? `[${min},...]` : `[${min},...,${max}]`
  if (setting.ignoreCase) return `(case insensitive) [${oneOf!.join(', ')}]`
  if (oneOf) return `[${oneOf.join(', ')}]`
  if (setting.type === 'STRING' && setting.notEmpty) return 'non-empty string'
  if (name.startsWith('controller.quorum.') && setting.check) return 'non-empty list'
  if (name.endsWith('.throttled.replicas'))
    return '[partitionId]:[brokerId],[partitionId]:[brokerId],...'
  if (name === 'share.auto.offset.reset') return `[${setting.form}]`
  if (name === 'authorizer.class.name') return 'non-null string'
  return null
}

describe('declarations', () => {
  test('say in one or two short sentences what a setting does', () => {
    for (const settings of Object.values(registry)) {
      for (const [name, { doc }] of Object.entries(settings)) {
        expect([name, doc]).toEqual([name, expect.stringMatching(/^[A-Z*$a-z].{10,118}\.$/)])
      }
    }
  })
})
