import { boolean, inherit, int, string, type Complaint } from '../setting.ts'
import { groups } from './groups.ts'
import { share } from './share.ts'

const DURATION = /^by_duration:\+?P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d{1,9})?S)?)?$/i

function checkOffsetReset(name: string, value: string): Complaint | null {
  if (value === 'earliest' || value === 'latest') return null
  if (value.startsWith('by_duration:') && DURATION.test(value)) return null
  const wrong = `Invalid value \`${value}\` for configuration ${name}.`
  const forms = "either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'"
  return { reason: `${wrong} The value must be ${forms}.` }
}

/** The settings of a group. What a group doesn't set comes from the broker's settings named as its synonyms. */
export const group = {
  'consumer.session.timeout.ms': inherit(groups, 'group.consumer.session.timeout.ms'),
  'consumer.heartbeat.interval.ms': inherit(groups, 'group.consumer.heartbeat.interval.ms'),
  'consumer.assignment.interval.ms': inherit(groups, 'group.consumer.assignment.interval.ms'),
  'share.session.timeout.ms': inherit(share, 'group.share.session.timeout.ms'),
  'share.heartbeat.interval.ms': inherit(share, 'group.share.heartbeat.interval.ms'),
  'share.assignment.interval.ms': inherit(share, 'group.share.assignment.interval.ms'),
  'share.record.lock.duration.ms': int({
    default: 30_000,
    min: 1000,
    use: 'stored',
    doc: share['group.share.record.lock.duration.ms'].doc,
    synonyms: { 'group.share.record.lock.duration.ms': 1 },
  }),
  'share.delivery.count.limit': int({
    default: 5,
    min: 2,
    use: 'stored',
    doc: share['group.share.delivery.count.limit'].doc,
    synonyms: { 'group.share.delivery.count.limit': 1 },
  }),
  'share.partition.max.record.locks': int({
    default: 2000,
    min: 100,
    use: 'stored',
    doc: share['group.share.partition.max.record.locks'].doc,
    synonyms: { 'group.share.partition.max.record.locks': 1 },
  }),
  'share.auto.offset.reset': string({
    default: 'latest',
    check: checkOffsetReset,
    form: 'latest, earliest, by_duration:PnDTnHnMn.nS',
    use: 'stored',
    doc: 'Where a new share group starts to read.',
  }),
  'share.isolation.level': string({
    default: 'read_uncommitted',
    oneOf: ['read_committed', 'read_uncommitted'],
    use: 'stored',
    doc: 'Whether a share group sees records of open and aborted transactions.',
  }),
  'share.renew.acknowledge.enable': boolean({
    default: true,
    use: 'stored',
    doc: 'Allows consumers to hold a record longer.',
  }),
  'share.assignor.offload.enable': inherit(share, 'group.share.assignor.offload.enable'),
  'errors.deadletterqueue.topic.name': string({
    default: '',
    use: 'stored',
    doc: 'Where a share group puts records that it gave up; empty: nowhere.',
  }),
  'errors.deadletterqueue.copy.record.enable': boolean({
    default: false,
    use: 'stored',
    doc: 'Copies key and value of records that a share group gave up.',
  }),
  'consumer.assignor.offload.enable': inherit(groups, 'group.consumer.assignor.offload.enable'),
  'streams.assignor.offload.enable': inherit(groups, 'group.streams.assignor.offload.enable'),
  'streams.assignor.name': string({
    default: null,
    use: 'stored',
    doc: 'The assignor of a streams group.',
    synonyms: { 'group.streams.assignors': 1 },
  }),
  'streams.rack.aware.assignment.tags': inherit(groups, 'group.streams.rack.aware.assignment.tags'),
  'streams.acceptable.recovery.lag': inherit(groups, 'group.streams.acceptable.recovery.lag'),
  'streams.num.warmup.replicas': inherit(groups, 'group.streams.num.warmup.replicas'),
  'streams.task.offset.interval.ms': inherit(groups, 'group.streams.task.offset.interval.ms'),
  'streams.session.timeout.ms': inherit(groups, 'group.streams.session.timeout.ms'),
  'streams.heartbeat.interval.ms': inherit(groups, 'group.streams.heartbeat.interval.ms'),
  'streams.assignment.interval.ms': inherit(groups, 'group.streams.assignment.interval.ms'),
  'streams.initial.rebalance.delay.ms': inherit(groups, 'group.streams.initial.rebalance.delay.ms'),
  'streams.num.standby.replicas': inherit(groups, 'group.streams.num.standby.replicas'),
}
