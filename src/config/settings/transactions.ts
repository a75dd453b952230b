import { DAY_MS, HOUR_MS, MINUTE_MS, MiB, SECOND_MS, boolean, int, short } from '../setting.ts'

/** Idempotent and transactional producers. */
export const transactions = {
  'producer.id.expiration.ms': int({
    default: DAY_MS,
    min: 1,
    dynamic: 'cluster',
    use: 'acted',
    doc: 'How long a leader remembers a producer that writes nothing.',
  }),
  'producer.id.expiration.check.interval.ms': int({
    default: 10 * MINUTE_MS,
    min: 1,
    internal: true,
    use: 'acted',
    doc: 'How often forgotten producers are looked for.',
  }),
  'transactional.id.expiration.ms': int({
    default: 7 * DAY_MS,
    min: 1,
    use: 'acted',
    doc: 'How long the coordinator remembers a transactional id without transactions.',
  }),
  'transaction.max.timeout.ms': int({
    default: 15 * MINUTE_MS,
    min: 1,
    use: 'acted',
    doc: 'The longest time-out a producer may ask for its transactions.',
  }),
  'transaction.two.phase.commit.enable': boolean({
    default: false,
    use: 'stored',
    doc: 'Allows transactions without a time-out that an outer system ends.',
  }),
  'transaction.partition.verification.enable': boolean({
    default: true,
    dynamic: 'cluster',
    use: 'acted',
    doc: 'Asks the coordinator whether a partition is part of the transaction before records are accepted.',
  }),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int({
    default: 10 * SECOND_MS,
    min: 1,
    use: 'acted',
    doc: 'How often transactions past their time-out are looked for and aborted.',
  }),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int({
    default: HOUR_MS,
    min: 1,
    use: 'acted',
    doc: 'How often expired transactional ids are looked for and removed.',
  }),
  'transaction.state.log.num.partitions': int({
    default: 50,
    min: 1,
    use: 'acted',
    doc: 'The number of partitions of __transaction_state; never change it later.',
  }),
  'transaction.state.log.replication.factor': short({
    default: 3,
    min: 1,
    use: 'acted',
    doc: 'The number of replicas of __transaction_state.',
  }),
  'transaction.state.log.min.isr': int({
    default: 2,
    min: 1,
    use: 'acted',
    doc: 'min.insync.replicas of __transaction_state.',
  }),
  'transaction.state.log.segment.bytes': int({
    default: 100 * MiB,
    min: 1,
    use: 'acted',
    doc: 'The segment size of __transaction_state.',
  }),
  'transaction.state.log.load.buffer.size': int({
    default: 5 * MiB,
    min: 1,
    use: 'acted',
    doc: 'How much of __transaction_state is read at a time when it is loaded.',
  }),
  'add.partitions.to.txn.retry.backoff.ms': int({
    default: 20,
    min: 1,
    use: 'acted',
    doc: 'The pause before the broker tries again to add a partition to a transaction that another one coordinates.',
  }),
  'add.partitions.to.txn.retry.backoff.max.ms': int({
    default: 100,
    min: 0,
    use: 'acted',
    doc: 'How long the broker tries at most to add a partition to a transaction.',
  }),
}
