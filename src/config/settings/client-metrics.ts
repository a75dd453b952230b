import { int, list } from '../setting.ts'

/** The settings of a subscription to metrics of clients. */
export const clientMetrics = {
  'interval.ms': int({
    default: 300_000,
    use: 'stored',
    doc: 'How often clients push their metrics.',
  }),
  match: list({
    default: [],
    use: 'stored',
    doc: 'Which clients are asked, as name=pattern,...; empty: all.',
  }),
  metrics: list({
    default: [],
    use: 'stored',
    doc: 'The prefixes of the names of the metrics that are asked for; * for all.',
  }),
}
