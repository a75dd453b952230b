import { MiB, SECOND_MS, int, javaClass, list, long, string } from '../setting.ts'

/** Metrics, quotas and plug-ins. */
export const operations = {
  'config.providers': list({
    default: [],
    dynamic: 'cluster',
    use: 'stored',
    doc: 'Plug-ins that resolve ${...} in values.',
  }),
  'metric.reporters': list({
    default: ['org.apache.kafka.common.metrics.JmxReporter'],
    dynamic: 'cluster',
    use: 'stored',
    doc: 'Plug-ins that metrics are handed to.',
  }),
  'metrics.num.samples': int({
    default: 2,
    min: 1,
    use: 'stored',
    doc: 'How many samples a rate is computed of.',
  }),
  'metrics.sample.window.ms': long({
    default: 30 * SECOND_MS,
    min: 1,
    use: 'stored',
    doc: 'The length of a sample.',
  }),
  'metrics.recording.level': string({
    default: 'INFO',
    use: 'stored',
    doc: 'How detailed metrics are.',
  }),
  'kafka.metrics.reporters': list({
    default: [],
    use: 'stored',
    doc: "Plug-ins for the broker's older metrics.",
  }),
  'kafka.metrics.polling.interval.secs': int({
    default: 10,
    min: 1,
    use: 'stored',
    doc: 'How often the plug-ins for older metrics are called.',
  }),
  'telemetry.max.bytes': int({
    default: MiB,
    min: 1,
    use: 'stored',
    doc: 'The largest packet of metrics a client may push.',
  }),
  'client.quota.callback.class': javaClass({
    default: null,
    use: 'stored',
    doc: 'A plug-in that decides about quotas.',
  }),
  'quota.window.num': int({
    default: 11,
    min: 1,
    use: 'acted',
    doc: 'How many samples the rates of clients are measured over.',
  }),
  'quota.window.size.seconds': int({
    default: 1,
    min: 1,
    use: 'acted',
    doc: 'The length of a sample of the rates of clients.',
  }),
  'replication.quota.window.num': int({
    default: 11,
    min: 1,
    use: 'acted',
    doc: 'How many samples the rate of replication is measured over.',
  }),
  'replication.quota.window.size.seconds': int({
    default: 1,
    min: 1,
    use: 'acted',
    doc: 'The length of a sample of the rate of replication.',
  }),
  'alter.log.dirs.replication.quota.window.num': int({
    default: 11,
    min: 1,
    use: 'acted',
    doc: 'How many samples the rate of moves between directories is measured over.',
  }),
  'alter.log.dirs.replication.quota.window.size.seconds': int({
    default: 1,
    min: 1,
    use: 'acted',
    doc: 'The length of a sample of the rate of moves between directories.',
  }),
  'controller.quota.window.num': int({
    default: 11,
    min: 1,
    use: 'acted',
    doc: 'How many samples the rate of changes of topics is measured over.',
  }),
  'controller.quota.window.size.seconds': int({
    default: 1,
    min: 1,
    use: 'acted',
    doc: 'The length of a sample of the rate of changes of topics.',
  }),
}
