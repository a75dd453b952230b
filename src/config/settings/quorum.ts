import {
  DAY_MS,
  GiB,
  HOUR_MS,
  MINUTE_MS,
  MiB,
  SECOND_MS,
  LONG_MAX,
  boolean,
  int,
  list,
  long,
  string,
  type Complaint,
} from '../setting.ts'

const VOTER_FORM = 'Each entry should be in the form `{id}@{host}:{port}`.'
const ADDRESS = /^(?:[A-Za-z_][A-Za-z0-9_.+-]*:\/\/)?\[?([0-9a-zA-Z\-%._:]*)\]?:(\d+)$/

function checkVoters(name: string, voters: readonly string[]): Complaint | null {
  for (const voter of voters) {
    const parts = voter.split('@')
    if (parts.length !== 2) {
      return { whole: `Invalid configuration value for ${name}. ${VOTER_FORM}` }
    }
    const [id, address] = parts as [string, string]
    if (!/^[+-]?\d+$/.test(id))
      return { whole: `Failed to parse voter ID as an integer from ${id}` }
    if (!ADDRESS.test(address)) {
      const entry = `Failed to parse host name from entry ${voter} for the configuration ${name}.`
      return { whole: `${entry} ${VOTER_FORM}` }
    }
  }
  return null
}

function checkBootstrapServers(name: string, servers: readonly string[]): Complaint | null {
  const wrong = servers.find((server) => !ADDRESS.test(server))
  if (wrong === undefined) return null
  const entry = `Failed to parse host name from ${wrong} for the configuration ${name}.`
  return { whole: `${entry} Each entry should be in the form "{host}:{port}"` }
}

/** The node itself, the metadata quorum and its log, and the registration of brokers. */
export const quorum = {
  'process.roles': list({
    required: true,
    notEmpty: true,
    oneOf: ['broker', 'controller'],
    use: 'acted',
    doc: 'What the node is: broker, controller, or both.',
  }),
  'node.id': int({
    required: true,
    min: 0,
    use: 'acted',
    doc: "The node's number, unique in the cluster.",
  }),
  'broker.id': int({
    default: -1,
    use: 'acted',
    doc: 'An older name of node.id; if both are set they must be equal.',
  }),
  'broker.rack': string({
    default: null,
    use: 'acted',
    doc: 'The rack or zone of the broker; replicas are spread over racks.',
  }),
  'broker.heartbeat.interval.ms': int({
    default: 2 * SECOND_MS,
    use: 'acted',
    doc: 'How often a broker tells the controller that it is alive.',
  }),
  'broker.session.timeout.ms': int({
    default: 9 * SECOND_MS,
    use: 'acted',
    doc: 'A broker that was not heard of for this long is fenced.',
  }),
  'initial.broker.registration.timeout.ms': int({
    default: MINUTE_MS,
    use: 'acted',
    doc: 'A broker that could not register with the controller for this long gives up.',
  }),
  'server.max.startup.time.ms': long({
    default: LONG_MAX,
    min: 0,
    internal: true,
    use: 'stored',
    doc: 'A node that has not started after this long gives up.',
  }),
  'controller.quorum.voters': list({
    default: [],
    check: checkVoters,
    form: 'id@host:port,...',
    use: 'acted',
    doc: 'The voters of a quorum with fixed members.',
  }),
  'controller.quorum.bootstrap.servers': list({
    default: [],
    check: checkBootstrapServers,
    form: 'host:port,...',
    use: 'acted',
    doc: 'Where a node finds the quorum whose members may change.',
  }),
  'controller.quorum.auto.join.enable': boolean({
    default: false,
    use: 'acted',
    doc: 'Lets a controller add itself to the voters.',
  }),
  'controller.quorum.election.timeout.ms': int({
    default: SECOND_MS,
    min: 0,
    use: 'acted',
    doc: 'How long a voter waits for votes, at least, before it tries again.',
  }),
  'controller.quorum.election.backoff.max.ms': int({
    default: SECOND_MS,
    min: 0,
    use: 'acted',
    doc: 'The longest random pause between two elections.',
  }),
  'controller.quorum.fetch.timeout.ms': int({
    default: 2 * SECOND_MS,
    min: 0,
    use: 'acted',
    doc: 'Without contact for this long a voter calls an election, and a leader without a majority resigns.',
  }),
  'controller.quorum.request.timeout.ms': int({
    default: 2 * SECOND_MS,
    min: 0,
    use: 'acted',
    doc: 'How long a node waits for the answer of another member.',
  }),
  'controller.quorum.retry.backoff.ms': int({
    default: 20,
    min: 0,
    use: 'acted',
    doc: 'The pause before a failed request to a member is sent again.',
  }),
  'controller.quorum.append.linger.ms': int({
    default: 25,
    min: 0,
    use: 'stored',
    doc: 'How long the leader collects records before they are written.',
  }),
  'controller.quorum.fetch.max.bytes': int({
    default: MiB,
    min: 1,
    use: 'stored',
    doc: 'How much of the metadata log one fetch asks for.',
  }),
  'controller.quorum.fetch.snapshot.max.bytes': int({
    default: MiB,
    min: 1,
    use: 'stored',
    doc: 'How much of a snapshot one fetch asks for.',
  }),
  'controller.performance.sample.period.ms': long({
    default: MINUTE_MS,
    min: 100,
    internal: true,
    use: 'stored',
    doc: 'How often the slowest work of the controller is logged.',
  }),
  'controller.performance.always.log.threshold.ms': long({
    default: 2 * SECOND_MS,
    min: 0,
    internal: true,
    use: 'stored',
    doc: 'Work of the controller that takes longer is always logged.',
  }),
  'metadata.log.dir': string({
    default: null,
    use: 'acted',
    doc: 'The directory of the metadata log; unset: the first of log.dirs.',
  }),
  'metadata.log.segment.bytes': int({
    default: GiB,
    min: 8 * MiB,
    use: 'acted',
    doc: 'The maximum size of a segment of the metadata log.',
  }),
  'metadata.log.segment.ms': long({
    default: 7 * DAY_MS,
    use: 'acted',
    doc: 'The age at which a segment of the metadata log is closed.',
  }),
  'metadata.max.retention.bytes': long({
    default: 100 * MiB,
    use: 'acted',
    doc: 'Log and snapshots of the metadata are shortened while they are larger together.',
  }),
  'metadata.max.retention.ms': long({
    default: 7 * DAY_MS,
    use: 'acted',
    doc: 'How long snapshots and log of the metadata are kept.',
  }),
  'metadata.log.max.record.bytes.between.snapshots': long({
    default: 20 * MiB,
    min: 1,
    use: 'acted',
    doc: 'After how many bytes of metadata records a new snapshot is written.',
  }),
  'metadata.log.max.snapshot.interval.ms': long({
    default: HOUR_MS,
    min: 0,
    use: 'acted',
    doc: 'After how long a new snapshot is written if there are new records; 0: never for its age.',
  }),
  'metadata.max.idle.interval.ms': int({
    default: 500,
    min: 0,
    use: 'acted',
    doc: 'How often the active controller writes an empty record; 0: never.',
  }),
  'internal.metadata.log.segment.bytes': int({
    default: null,
    internal: true,
    use: 'stored',
    doc: 'A segment size of the metadata log without lower limit, for tests.',
  }),
  'internal.metadata.max.batch.size.in.bytes': int({
    default: 8 * MiB,
    internal: true,
    use: 'stored',
    doc: 'The largest batch in the metadata log.',
  }),
  'internal.metadata.delete.delay.millis': long({
    default: MINUTE_MS,
    internal: true,
    use: 'stored',
    doc: 'How long deleted files of the metadata log stay on disk.',
  }),
  'unstable.feature.versions.enable': boolean({
    default: false,
    internal: true,
    use: 'stored',
    doc: 'Allows feature levels that are still in development.',
  }),
}
