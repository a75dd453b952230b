import type { Command } from 'commander'
import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { UnregisterController } from '../../protocol/messages/unregister-controller.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { hostAndPort } from '../../src/host/address.ts'
import { ID_FORM, isId } from '../../src/metadata/ids.ts'
import type { Voter, VoterEndpoint } from '../../src/quorum/types.ts'
import { QUORUM, quorumIn, type QuorumPartition, type QuorumReplica } from '../client/cluster.ts'
import { BrokerError, throwUnlessNone } from '../client/errors.ts'
import { CommandError, UsageError } from '../errors.ts'
import { withNodeOptions, type NodeOptions } from '../node-config.ts'
import { integer, withExamples } from '../options.ts'
import { print, printEither, toJson } from '../output.ts'
import { nodeAsVoter, parseVoter } from '../storage/voters.ts'
import { formatFacts, formatTable, type Row } from '../table.ts'
import { withAdmin, withAdminOptions, type Admin, type AdminCommandOptions } from '../with-admin.ts'

const GREATEST_ID = 2 ** 31 - 1

interface DescribeOptions extends AdminCommandOptions {
  readonly replication?: boolean
}

interface AddOptions extends AdminCommandOptions, NodeOptions {
  readonly terminal: AdminCommandOptions['terminal']
  readonly listenerName: string
  readonly dryRun?: boolean
}

interface RemoveOptions extends AdminCommandOptions {
  readonly directoryId?: string
  readonly unregister?: boolean
  readonly dryRun?: boolean
}

export function declare(quorum: Command): void {
  const describe = quorum
    .command('describe')
    .description('Show who votes on the metadata, who leads, and how far behind the others are')
  describe.option('--replication', 'how far each replica of the metadata is')
  withAdminOptions(describe)
  withExamples(
    describe,
    'quorum describe',
    'quorum describe --replication --bootstrap-controller kafka-1:9093',
  ).action(describeCommand)

  const add = quorum
    .command('add')
    .description('Make a controller that follows the quorum one of its voters')
  add
    .argument('[voter]', 'as ID@HOST:PORT:DIRECTORY-ID; else what --config says of it')
    .option('--listener-name <name>', "of the controllers' listener, with [voter]", 'CONTROLLER')
    .option('--dry-run', 'only show what would be asked for')
  withNodeOptions(add)
  withAdminOptions(add)
  withExamples(
    add,
    'quorum add --config controller.properties',
    'quorum add 4@kafka-4:9093:JEXY6aqzQY-32P5TStzaFg',
  ).action(addCommand)

  const remove = quorum.command('remove').description('Take a controller out of the voters')
  remove
    .argument('<id>', 'its node id', integer('id', 0, GREATEST_ID))
    .option(
      '-d, --directory-id <id>',
      'of its metadata directory; needed where two voters have one id',
    )
    .option('--unregister', 'forget the controller, too, which must be stopped')
    .option('--dry-run', 'only show what would be asked for')
  withAdminOptions(remove)
  withExamples(remove, 'quorum remove 4', 'quorum remove 4 --unregister').action(removeCommand)
}

interface Described {
  readonly clusterId: string
  readonly quorum: QuorumPartition
  /** Where the controller listeners of the voters are. */
  readonly endpoints: ReadonlyMap<number, readonly VoterEndpoint[]>
}

async function describe(admin: Admin): Promise<Described> {
  const cluster = await admin.client.request(DescribeCluster, {
    includeClusterAuthorizedOperations: false,
    endpointType: admin.asksControllers ? 2 : 1,
  })
  throwUnlessNone(cluster.errorCode, 'The cluster', cluster.errorMessage)
  const answer = await admin.ask(DescribeQuorum, QUORUM, (found) => void quorumIn(found))
  const quorum = quorumIn(answer)
  if (quorum === null) throw new BrokerError('UNKNOWN_SERVER_ERROR', 'The quorum', 'no answer')
  const endpoints = new Map(answer.nodes.map(({ nodeId, listeners }) => [nodeId, listeners]))
  return { clusterId: cluster.clusterId, quorum, endpoints }
}

async function describeCommand(options: DescribeOptions): Promise<void> {
  const described = await withAdmin(options, describe)
  if (options.json) return print(options, toJson(jsonOf(described), 2))
  const text = options.replication ? replicationText(described) : statusText(described)
  await print(options, text)
}

function jsonOf({ clusterId, quorum, endpoints }: Described): object {
  const { leaderId, leaderEpoch, highWatermark, currentVoters, observers } = quorum
  const replica = ({ replicaId, replicaDirectoryId, ...state }: QuorumReplica) => ({
    id: replicaId,
    directoryId: replicaDirectoryId === ZERO_UUID ? null : replicaDirectoryId,
    endpoints: endpoints.get(replicaId) ?? [],
    ...state,
  })
  return {
    clusterId,
    leaderId,
    leaderEpoch,
    highWatermark,
    voters: currentVoters.map(replica),
    observers: observers.map(replica),
  }
}

/** The leader first, then the other voters, then who only follows. */
function replicasOf({ leaderId, currentVoters, observers }: QuorumPartition) {
  const byId = (left: QuorumReplica, right: QuorumReplica) => left.replicaId - right.replicaId
  const others = currentVoters.filter(({ replicaId }) => replicaId !== leaderId)
  const leader = currentVoters.find(({ replicaId }) => replicaId === leaderId) ?? null
  return { leader, followers: others.sort(byId), observers: [...observers].sort(byId) }
}

function statusText(described: Described): string {
  const { clusterId, quorum, endpoints } = described
  const { leader, followers, observers } = replicasOf(quorum)
  const row = (role: string, { replicaId, replicaDirectoryId }: QuorumReplica): Row => [
    replicaId,
    role,
    replicaDirectoryId === ZERO_UUID ? null : replicaDirectoryId,
    endpoints.get(replicaId)?.map(endpointText).join(',') ?? null,
  ]
  return [
    formatFacts([
      ['Cluster', clusterId],
      ['Leader', quorum.leaderId < 0 ? null : quorum.leaderId],
      ['Leader epoch', quorum.leaderEpoch],
      ['High watermark', quorum.highWatermark],
      ['Voters behind by', leader === null ? null : behindText(leader, followers)],
    ]),
    formatTable(
      ['NODE', 'ROLE', 'DIRECTORY ID', 'ENDPOINTS'],
      [
        ...(leader === null ? [] : [row('leader', leader)]),
        ...followers.map((one) => row('voter', one)),
        ...observers.map((one) => row('observer', one)),
      ],
    ),
  ].join('\n\n')
}

function behindText(leader: QuorumReplica, followers: readonly QuorumReplica[]): string {
  const [last] = [...followers].sort((left, right) => left.logEndOffset - right.logEndOffset)
  if (last === undefined) return '0 records'
  const records = `${lagOf(leader, last) ?? 'unknown'} records`
  const ms = sinceMs(leader, last.lastCaughtUpTimestamp)
  return ms === null ? records : `${records}, ${ms} ms`
}

/** Null where the leader has not heard of the replica yet. */
function lagOf(leader: QuorumReplica, { logEndOffset }: QuorumReplica): number | null {
  return logEndOffset < 0 ? null : leader.logEndOffset - logEndOffset
}

/** How long ago something was, by the leader's own clock; null where the leader doesn't say. */
function sinceMs(leader: QuorumReplica, timestampMs: number): number | null {
  const now = leader.lastCaughtUpTimestamp
  return timestampMs < 0 || now < 0 ? null : Math.max(0, now - timestampMs)
}

function replicationText({ quorum }: Described): string {
  const { leader, followers, observers } = replicasOf(quorum)
  const row = (role: string, replica: QuorumReplica): Row => [
    replica.replicaId,
    role,
    replica.logEndOffset < 0 ? null : replica.logEndOffset,
    leader === null ? null : lagOf(leader, replica),
    leader === null || replica === leader ? null : sinceMs(leader, replica.lastFetchTimestamp),
    leader === null || replica === leader ? null : sinceMs(leader, replica.lastCaughtUpTimestamp),
    replica.replicaDirectoryId === ZERO_UUID ? null : replica.replicaDirectoryId,
  ]
  return formatTable(
    ['NODE', 'ROLE', 'LOG END', 'LAG', 'FETCHED MS AGO', 'CAUGHT UP MS AGO', 'DIRECTORY ID'],
    [
      ...(leader === null ? [] : [row('leader', leader)]),
      ...followers.map((one) => row('voter', one)),
      ...observers.map((one) => row('observer', one)),
    ],
  )
}

const endpointText = ({ name, host, port }: VoterEndpoint): string =>
  `${name}://${hostAndPort(host, port)}`

async function addCommand(text: string | undefined, options: AddOptions): Promise<void> {
  if (text !== undefined && options.config !== undefined) {
    throw new UsageError('Give either the voter or --config')
  }
  const voter =
    text === undefined ? nodeAsVoter(options) : parseVoter(text, options.listenerName.toUpperCase())
  const { id, directoryId, endpoints } = voter
  const isDry = options.dryRun === true
  if (!isDry) {
    await withAdmin(options, async (admin) => {
      const request = {
        clusterId: null,
        timeoutMs: options.timeout,
        voterId: id,
        voterDirectoryId: directoryId,
        listeners: [...endpoints],
      }
      await admin.ask(
        AddRaftVoter,
        request,
        ({ errorCode, errorMessage }) => checkAdded(voter, errorCode, errorMessage),
        // The leader answers when the time is over; the answer still has to come.
        { timeoutMs: options.timeout + 5000 },
      )
    })
  }
  const places = endpoints.map(endpointText).join(', ')
  const what = `controller ${id} with the directory ${directoryId} at ${places}`
  await printEither(
    options,
    { id, directoryId, endpoints, dryRun: isDry },
    isDry ? `Would add ${what}.` : `Added ${what}.`,
  )
}

function checkAdded({ id }: Voter, errorCode: ErrorName, errorMessage: string | null): void {
  if (errorCode === 'NONE') return
  const remedies: Partial<Record<ErrorName, string>> = {
    DUPLICATE_VOTER: `Take the old one out first: ottla quorum remove ${id}`,
    REQUEST_TIMED_OUT: `Controller ${id} must run, be found at its endpoint by the leader, and have caught up: ottla quorum describe --replication shows it as an observer. Then try again.`,
    UNSUPPORTED_VERSION: KRAFT_VERSION_REMEDY,
    INVALID_REQUEST:
      "The leader's listener for controllers must be among the endpoints: see --listener-name.",
  }
  const remedy = remedies[errorCode]
  throw new BrokerError(errorCode, `Controller ${id}`, errorMessage, {
    ...(remedy !== undefined && { remedy }),
  })
}

const KRAFT_VERSION_REMEDY =
  'Voters can be changed at kraft.version=1 only: ottla features upgrade --feature kraft.version=1'

async function removeCommand(id: number, options: RemoveOptions): Promise<void> {
  if (options.directoryId !== undefined && !isId(options.directoryId)) {
    throw new UsageError(
      `--directory-id: ${JSON.stringify(options.directoryId)} is no id of a directory: ${ID_FORM}`,
    )
  }
  const isDry = options.dryRun === true
  const unregister = options.unregister === true
  const directoryId = await withAdmin(options, async (admin) => {
    const { quorum } = await describe(admin)
    const directory = directoryOf(id, quorum, options.directoryId)
    if (isDry) return directory
    await admin.ask(
      RemoveRaftVoter,
      { clusterId: null, voterId: id, voterDirectoryId: directory },
      ({ errorCode, errorMessage }) => checkRemoved(id, errorCode, errorMessage),
    )
    if (unregister) await forget(admin, id)
    return directory
  })
  const what = `controller ${id} with the directory ${directoryId}`
  const rest = unregister ? (isDry ? ', and forget it' : ', and forgot it') : ''
  await printEither(
    options,
    { id, directoryId, unregister, dryRun: isDry },
    `${isDry ? 'Would remove' : 'Removed'} ${what} from the voters${rest}.`,
  )
}

/** Which directory's voter is meant. */
function directoryOf(id: number, quorum: QuorumPartition, given: string | undefined): string {
  const voters = quorum.currentVoters.filter(({ replicaId }) => replicaId === id)
  const ids = voters.map(({ replicaDirectoryId }) => replicaDirectoryId)
  if (given !== undefined) {
    if (ids.includes(given)) return given
    throw notAVoter(`${id} with the directory ${given}`, quorum)
  }
  if (ids.length === 0) throw notAVoter(String(id), quorum)
  if (ids.length === 1) return ids[0]!
  throw new UsageError(
    `Several voters have the id ${id}: give one of ${ids.join(', ')} as --directory-id`,
  )
}

function notAVoter(which: string, { currentVoters }: QuorumPartition): CommandError {
  const known = currentVoters.map(
    ({ replicaId, replicaDirectoryId }) => `${replicaId} (${replicaDirectoryId})`,
  )
  return new CommandError(
    'VOTER_NOT_FOUND',
    `No voter is controller ${which}`,
    `The voters are: ${known.join(', ')}`,
  )
}

function checkRemoved(id: number, errorCode: ErrorName, errorMessage: string | null): void {
  if (errorCode === 'NONE') return
  const isStatic = errorCode === 'UNSUPPORTED_VERSION'
  throw new BrokerError(errorCode, `Controller ${id}`, errorMessage, {
    ...(isStatic && { remedy: KRAFT_VERSION_REMEDY }),
  })
}

async function forget(admin: Admin, controllerId: number): Promise<void> {
  await admin.ask(UnregisterController, { controllerId }, ({ errorCode, errorMessage }) => {
    // One that was stopped before it had registered.
    if (errorCode === 'CONTROLLER_ID_NOT_REGISTERED') return
    throwUnlessNone(errorCode, `The registration of controller ${controllerId}`, errorMessage)
  })
}
