import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Host } from '../../src/host/host.ts'
import type { BrokerConfig } from '../../src/config/broker-config.ts'
import type { Bootstrap } from '../../src/metadata/bootstrap.ts'
import type { MetadataFact } from '../../src/metadata/facts.ts'
import { firstLevels } from '../../src/metadata/first-levels.ts'
import { formatNode, type FormattedDirectory } from '../../src/metadata/format.ts'
import { randomId } from '../../src/metadata/ids.ts'
import type { Voter } from '../../src/quorum/types.ts'
import { CommandError } from '../errors.ts'
import { parseVoters } from './voters.ts'

/** How a node comes to know the voters of its quorum, as it was said. */
export type Voters =
  | { readonly kind: 'unsaid' }
  | { readonly kind: 'standalone' }
  | { readonly kind: 'none' }
  | { readonly kind: 'initial'; readonly text: string }

export interface StorageFormat {
  readonly clusterId: string
  readonly voters: Voters
  readonly release?: string | undefined
  readonly features: ReadonlyMap<string, number>
  readonly ignoreFormatted: boolean
  /** The users of SCRAM that the cluster begins with. */
  readonly credentials: readonly MetadataFact[]
}

export interface StorageFormatted {
  readonly directories: readonly FormattedDirectory[]
  /** Of the node that was formatted: null for one that is no controller. */
  readonly bootstrap: Bootstrap | null
  /** Features that Kafka would finalize, and this version doesn't have. */
  readonly left: readonly string[]
}

/** Formats the directories of the node that has these settings. */
export function formatStorage(
  host: Host,
  config: BrokerConfig,
  wanted: StorageFormat,
): StorageFormatted {
  const nodeId = config.get('node.id')
  const isController = config.get('process.roles').includes('controller')
  const isDynamic = config.get('controller.quorum.voters').length === 0
  const { kraftVersion, features, left } = firstLevels({ ...wanted, isDynamic })
  const voters = firstVoters(host, config, wanted.voters)
  const bootstrap = isController
    ? { kraftVersion, voters, features, others: wanted.credentials }
    : null
  const directories = formatNode({
    host,
    codecs: nodeCodecs(),
    config,
    clusterId: wanted.clusterId,
    bootstrap,
    directoryId: voters?.find(({ id }) => id === nodeId)?.directoryId,
    ignoreFormatted: wanted.ignoreFormatted,
  })
  return { directories, bootstrap, left: isController ? left : [] }
}

/** The voters that the metadata log begins with; null where it says nothing of them. */
function firstVoters(host: Host, config: BrokerConfig, wanted: Voters): readonly Voter[] | null {
  const staticVoters = config.get('controller.quorum.voters')
  const isController = config.get('process.roles').includes('controller')
  if (staticVoters.length > 0) {
    if (wanted.kind === 'standalone' || wanted.kind === 'initial') {
      throw refused(
        'controller.quorum.voters is set, so the voters of this quorum are those that the settings name',
        'Leave out --standalone and --initial-controllers, or remove controller.quorum.voters and set controller.quorum.bootstrap.servers.',
      )
    }
    return null
  }
  switch (wanted.kind) {
    case 'initial':
      return parseVoters(wanted.text, listenerName(config))
    case 'standalone':
      if (!isController) {
        throw refused(
          'Only a controller can be a quorum of its own, and process.roles has none',
          'Leave out --standalone: a broker finds the controllers by controller.quorum.bootstrap.servers.',
        )
      }
      return [itself(host, config)]
    case 'none':
      return null
    case 'unsaid':
      if (!isController) return null
      throw refused(
        'controller.quorum.voters is not set, so it must be said who the first voters are',
        'Give --standalone for a quorum of this node, --initial-controllers for one of several nodes, or --no-initial-controllers for a node that joins one later.',
      )
  }
}

/** A controller that no other has to reach needs no listener. */
function itself(host: Host, config: BrokerConfig): Voter {
  const [first] = config.listeners.advertisedController
  const endpoints =
    first === undefined
      ? []
      : [{ name: first.listener, host: first.host || 'localhost', port: first.port }]
  return { id: config.get('node.id'), directoryId: randomId(host.random), endpoints }
}

function listenerName(config: BrokerConfig): string {
  return config.get('controller.listener.names')[0]!.toUpperCase()
}

function refused(message: string, remedy: string): CommandError {
  return new CommandError('NOT_FORMATTED', message, remedy)
}
