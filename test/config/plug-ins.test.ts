import { BrokerConfig } from '../../src/config/broker-config.ts'
import { isPlugInSetting } from '../../src/config/plug-ins.ts'

const NONE = new Map<string, string>()

describe('Settings that Kafka takes outside of its ConfigDef', () => {
  test.each([
    'super.users',
    'allow.everyone.if.no.acl.found',
    'listener.name.inside.my.plug.in',
    'metrics.context.team',
    'config.providers.file.class',
    'rsm.config.bucket',
    'rlmm.config.remote.log.metadata.topic.num.partitions',
    'kafka.metrics.reporters',
  ])('%s is known', (name) => {
    expect(isPlugInSetting(name, NONE)).toBe(true)
    const config = new BrokerConfig({ set: [`${name}=x`] })
    expect(config.unknown).toEqual([])
    expect(config.notActedUpon).toContain(name)
  })

  test('what a mechanism of a listener takes is known, and acted upon', () => {
    const name = 'listener.name.inside.plain.sasl.jaas.config'
    expect(isPlugInSetting(name, NONE)).toBe(true)
    const config = new BrokerConfig({ set: [`${name}=x`] })
    expect([config.unknown, config.notActedUpon]).toEqual([[], []])
  })

  test.each(['super.user', 'listener.name.', 'my.plug.in', 'listener.nam.a.b'])(
    '%j is a mistake',
    (name) => {
      expect(isPlugInSetting(name, NONE)).toBe(false)
    },
  )

  test('a prefix may be a setting itself, and then replaces the usual one', () => {
    const entries = new Map([['remote.log.storage.manager.impl.prefix', 'mine.']])
    expect(isPlugInSetting('mine.bucket', entries)).toBe(true)
    expect(isPlugInSetting('rsm.config.bucket', entries)).toBe(false)
    const empty = new Map([['remote.log.storage.manager.impl.prefix', '']])
    expect(isPlugInSetting('anything', empty)).toBe(false)
  })
})
