import { brokerSettings, groupSettings, topicSettings } from '../../src/config/registry.ts'
import { javaDouble, parseSetting, type Settings } from '../../src/config/setting.ts'

const all: Settings = { ...groupSettings, ...brokerSettings, ...topicSettings }
const parse = (name: string, raw: string) => parseSetting(name, all[name]!, raw)
const text = (name: string, raw: string) => {
  const parsed = parse(name, raw)
  return parsed.ok ? parsed.text : parsed.message
}

describe('a value', () => {
  test.each([
    ['retention.ms', ' 7 ', '7'],
    ['retention.ms', '+5', '5'],
    ['retention.ms', '007', '7'],
    ['preallocate', ' TRUE ', 'true'],
    ['cleanup.policy', ' compact , delete ', 'compact,delete'],
    ['cleanup.policy', 'compact,compact', 'compact'],
    ['cleanup.policy', '', ''],
    ['min.cleanable.dirty.ratio', '1', '1.0'],
    ['min.cleanable.dirty.ratio', '.5', '0.5'],
    ['min.cleanable.dirty.ratio', '1d', '1.0'],
    ['min.cleanable.dirty.ratio', '1e-5', '1.0E-5'],
    ['compression.gzip.level', '-1', '-1'],
    ['group.consumer.migration.policy', 'Upgrade', 'Upgrade'],
    ['leader.replication.throttled.replicas', '*', '*'],
    ['share.auto.offset.reset', 'by_duration:P1DT2H', 'by_duration:P1DT2H'],
    ['broker.rack', ' a ', 'a'],
  ])('of %s given as "%s" is shown as "%s"', (name, raw, shown) => {
    expect(text(name, raw)).toBe(shown)
  })

  test.each([
    ['retention.ms', '9223372036854775808', 'Not a number of type LONG'],
    ['retention.ms', '-2', 'Value must be at least -1'],
    ['retention.ms', '1.5', 'Not a number of type LONG'],
    ['num.partitions', '2147483648', 'Not a number of type INT'],
    ['num.partitions', '', 'Not a number of type INT'],
    ['offsets.topic.replication.factor', '40000', 'Not a number of type SHORT'],
    ['min.cleanable.dirty.ratio', '1.5', 'Value must be no more than 1'],
    ['min.cleanable.dirty.ratio', 'x', 'Not a number of type DOUBLE'],
    ['preallocate', 'yes', 'Expected value to be either true or false'],
    [
      'compression.type',
      'GZIP',
      'String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer',
    ],
    ['remote.log.storage.manager.class.name', '', 'String must be non-empty'],
    [
      'group.consumer.migration.policy',
      'z',
      'String must be one of (case insensitive): DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL',
    ],
  ])('of %s given as "%s" is refused: %s', (name, raw, reason) => {
    expect(text(name, raw)).toBe(`Invalid value ${raw} for configuration ${name}: ${reason}`)
  })

  test.each([
    [
      'cleanup.policy',
      'compact,,delete',
      "Configuration 'cleanup.policy' values must not be empty.",
    ],
    [
      'log.dirs',
      '',
      "Configuration 'log.dirs' must not be empty. Valid values include: any non-empty value",
    ],
    [
      'group.coordinator.rebalance.protocols',
      '',
      "Configuration 'group.coordinator.rebalance.protocols' must not be empty. Valid values include: [consumer, classic, share, streams]",
    ],
    ['controller.quorum.voters', 'a@h:1', 'Failed to parse voter ID as an integer from a'],
    [
      'controller.quorum.voters',
      '1@h',
      'Failed to parse host name from entry 1@h for the configuration controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`.',
    ],
    [
      'controller.quorum.bootstrap.servers',
      'h',
      'Failed to parse host name from h for the configuration controller.quorum.bootstrap.servers. Each entry should be in the form "{host}:{port}"',
    ],
  ])('of the list %s given as "%s" is refused: %s', (name, raw, message) => {
    expect(text(name, raw)).toBe(message)
  })

  test('without limit is Infinity, and keeps its text', () => {
    expect(parse('flush.ms', '9223372036854775807')).toEqual({
      ok: true,
      value: Infinity,
      text: '9223372036854775807',
    })
  })
})

describe('a double is written as Java writes it', () => {
  test.each([
    [0, '0.0'],
    [1000, '1000.0'],
    [1e7, '1.0E7'],
    [123456789, '1.23456789E8'],
    [0.001, '0.001'],
    [0.0001, '1.0E-4'],
    [Number.MAX_VALUE, '1.7976931348623157E308'],
    [-Infinity, '-Infinity'],
    [NaN, 'NaN'],
  ])('%d: %s', (value, shown) => {
    expect(javaDouble(value)).toBe(shown)
  })
})
