import { encodeSubscription } from '../../protocol/state/consumer-protocol.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type {
  GroupCommand,
  GroupReply,
  OffsetCommitCommand,
} from '../../src/coordinators/group/commands.ts'
import { UNGUARDED } from '../../src/log/producers/verifications.ts'
import { isDurable } from '../../src/coordinators/group/facts.ts'
import type { DurableFact, GroupFact } from '../../src/coordinators/group/facts.ts'
import { listed } from '../../src/coordinators/group/listing.ts'
import { GroupMachine } from '../../src/coordinators/group/machine.ts'
import type { Alarm, Decision } from '../../src/machine/machine.ts'

const START_TIME = 1_700_000_000_000
const DAY_MS = 86_400_000

type Words = Map<string, string>

/**
 * Runs the machine under the group coordinator's transcripts: commands of one line each, `verb group key=value ...`, with
 * time that goes on by `wait MS` and fires the alarms that are due.
 */
export class GroupTranscript {
  #machine: GroupMachine
  #now = 0
  #lastTicket = 0
  #lastUuid = 0
  readonly #alarms = new Map<string, number>()
  readonly #durable: DurableFact[] = []
  readonly #settings = {
    initialRebalanceDelayMs: 3000,
    maxGroupSize: 2 ** 31 - 1,
    maxOffsetMetadataLength: 4096,
    offsetsRetentionMs: 7 * DAY_MS,
    offsetsRetentionCheckIntervalMs: 600_000,
  }

  constructor() {
    this.#machine = new GroupMachine()
  }

  run(line: string): string[] {
    const [verb = '', ...rest] = line.split(' ').filter((word) => word !== '')
    const words: Words = new Map(
      rest.map((word) => {
        const at = word.indexOf('=')
        return at < 0 ? ['', word] : [word.slice(0, at), word.slice(at + 1)]
      }),
    )
    if (verb === 'wait') return this.#wait(this.#now + Number(words.get('')))
    if (verb === 'set') return this.#set(words)
    if (verb === 'restart') return this.#restart()
    if (verb === 'list-alarms') return this.#listAlarms()
    if (verb === 'pending') return this.#pending(words)
    if (verb === 'end') return this.#end(words)
    if (verb === 'deleted') return this.#deleted(words)
    if (verb === 'list') return this.#list(words)
    return this.#decide(this.#command(verb, words))
  }

  #set(words: Words): string[] {
    for (const [name, value] of words) Object.assign(this.#settings, { [name]: Number(value) })
    return []
  }

  #wait(until: number): string[] {
    const lines: string[] = []
    for (;;) {
      const due = [...this.#alarms].filter(([, at]) => at <= until).sort((a, b) => a[1] - b[1])[0]
      if (due === undefined) break
      this.#alarms.delete(due[0])
      this.#now = Math.max(this.#now, due[1])
      const follows = this.#decide({ alarm: due[0] }, 0)
      // That the next look for expired offsets is due in so and so long is no news.
      const isNews = follows.some((line) => !line.startsWith('alarm expiry'))
      if (isNews) lines.push(`at ${this.#now}: ${due[0]}`, ...follows)
    }
    this.#now = until
    return lines
  }

  /** What is volatile is lost, what is durable is replayed. */
  #restart(): string[] {
    this.#alarms.clear()
    this.#machine = new GroupMachine()
    this.#durable.forEach((fact, offset) => this.#machine.apply(fact, offset))
    return this.#decide({ type: 'Loaded' })
  }

  /** Offsets that a transaction has committed, as they are found in the log. */
  #pending(words: Words): string[] {
    for (const [topic, offset] of pairs(words.get('offsets'))) {
      this.#apply({
        type: 'OffsetPending',
        producerId: Number(words.get('producer')),
        producerEpoch: 0,
        guard: -1,
        groupId: words.get('') ?? '',
        topic,
        partition: 0,
        committed: {
          offset: Number(offset),
          leaderEpoch: -1,
          metadata: '',
          commitTimestamp: START_TIME + this.#now,
          expireTimestamp: -1,
          topicId: ZERO_UUID,
        },
      })
    }
    return []
  }

  /** The marker that ended a transaction, as it is found in the log. */
  #end(words: Words): string[] {
    this.#apply({
      type: 'TransactionEnded',
      producerId: Number(words.get('producer')),
      producerEpoch: 0,
      result: words.get('') as 'COMMIT' | 'ABORT',
      coordinatorEpoch: 0,
      transactionVersion: 0,
    })
    return []
  }

  /** The tombstone of a group, as it is found in the log. */
  #deleted(words: Words): string[] {
    this.#apply({ type: 'GroupDeleted', groupId: words.get('') ?? '' })
    return []
  }

  #listAlarms(): string[] {
    return [...this.#alarms].map(([name, at]) => `${name} at ${at}`).sort()
  }

  #list(words: Words): string[] {
    const wordsOf = (name: string): Set<string> =>
      new Set(words.get(name)?.toLowerCase().split(','))
    const filter = { states: wordsOf('states'), types: wordsOf('types') }
    const groups = [...this.#machine.groups.values()].flatMap(
      (group) => listed(group, filter) ?? [],
    )
    const [ticket = ''] = this.#decide({ type: 'List' })
    return [ticket, `  answers ${this.#lastTicket}: ${show(groups)}`.trimStart()]
  }

  #decide(command: GroupCommand | Alarm, ticket = ++this.#lastTicket): string[] {
    const decision = this.#machine.decide(command, {
      ticket,
      now: this.#now,
      wallNow: START_TIME + this.#now,
      nextOffset: 0,
      settings: this.#settings,
    })
    for (const fact of decision.facts ?? []) {
      this.#apply(fact)
    }
    for (const { name, at } of decision.alarms ?? []) {
      if (at === null) this.#alarms.delete(name)
      else this.#alarms.set(name, at)
    }
    return [...(ticket > 0 ? [`ticket ${ticket}`] : []), ...describe(decision)]
  }

  #apply(fact: GroupFact): void {
    this.#machine.apply(fact, isDurable(fact) ? this.#durable.length : -1)
    if (isDurable(fact)) this.#durable.push(fact)
  }

  #command(verb: string, words: Words): GroupCommand {
    const groupId = words.get('') ?? ''
    const number = (name: string, otherwise: number): number => Number(words.get(name) ?? otherwise)
    const memberId = words.get('member') ?? ''
    const groupInstanceId = words.get('instance') ?? null
    const generation = number('generation', -1)
    switch (verb) {
      case 'join':
        return {
          type: 'Join',
          version: number('v', 9),
          clientId: words.get('client') ?? 'client',
          clientHost: '/127.0.0.1',
          uuid: memberId === '' ? `u${++this.#lastUuid}` : '',
          request: {
            groupId,
            memberId,
            groupInstanceId,
            sessionTimeoutMs: number('session', 10_000),
            rebalanceTimeoutMs: number('rebalance', 60_000),
            protocolType: words.get('type') ?? 'consumer',
            protocols: protocols(words.get('protocols') ?? 'range:t'),
            reason: null,
          },
        }
      case 'sync':
        return {
          type: 'Sync',
          request: {
            groupId,
            generationId: generation,
            memberId,
            groupInstanceId,
            protocolType: words.get('type') ?? null,
            protocolName: words.get('protocol') ?? null,
            assignments: pairs(words.get('assign')).map(([to, what]) => ({
              memberId: to,
              assignment: Buffer.from(what),
            })),
          },
        }
      case 'heartbeat':
        return {
          type: 'Heartbeat',
          request: { groupId, generationId: generation, memberId, groupInstanceId },
        }
      case 'leave':
        return {
          type: 'Leave',
          groupId,
          members: (words.get('members') ?? '').split(',').map((member) => {
            const [id = '', instance] = member.split('@')
            return { memberId: id, groupInstanceId: instance ?? null, reason: null }
          }),
        }
      case 'commit':
        return {
          type: 'CommitOffsets',
          ...commitOf(words, number('v', 9)),
          retentionTimeMs: number('retention', -1),
        }
      case 'commit-open':
        return {
          type: 'CommitTransactionOffsets',
          ...commitOf(words, number('v', 5)),
          producerId: number('producer', 7),
          producerEpoch: 0,
          guard: UNGUARDED,
        }
      case 'marker':
        return {
          type: 'EndTransaction',
          marker: {
            producerId: number('producer', 7),
            producerEpoch: 1,
            coordinatorEpoch: 3,
            transactionVersion: 2,
            result: words.get('') as 'COMMIT' | 'ABORT',
          },
        }
      case 'fetch':
        return {
          type: 'FetchOffsets',
          groupId,
          requireStable: words.has('stable'),
          topics: words.has('topics')
            ? words
                .get('topics')!
                .split(',')
                .map((name) => ({ name, topicId: ZERO_UUID, partitionIndexes: [0] }))
            : null,
        }
      case 'delete-offsets':
        return {
          type: 'DeleteOffsets',
          groupId,
          topics: (words.get('topics') ?? '').split(',').map((name) => ({ name, partitions: [0] })),
        }
      case 'delete-topics':
        return { type: 'DeleteTopics', topics: (words.get('topics') ?? '').split(',') }
      case 'list':
        return { type: 'List' }
      case 'describe':
        return { type: 'Describe', groupId }
      case 'delete':
        return { type: 'Delete', groupId }
      default:
        throw new Error(`Unknown command ${verb}`)
    }
  }
}

/** `range:t1+t2,sticky:t1` names protocols with the topics they subscribe to; `range!xyz` one with such metadata. */
function protocols(text: string): { name: string; metadata: Buffer }[] {
  return text.split(',').map((part) => {
    const [name = '', raw] = part.split('!')
    if (raw !== undefined) return { name, metadata: Buffer.from(raw) }
    const [protocol = '', topics = ''] = part.split(':')
    return { name: protocol, metadata: encodeSubscription(0, { topics: topics.split('+') }) }
  })
}

/** What commits have in common, in a transaction or not. */
function commitOf(words: Words, version: number): OffsetCommitCommand {
  return {
    version,
    groupId: words.get('') ?? '',
    generation: Number(words.get('generation') ?? -1),
    memberId: words.get('member') ?? '',
    groupInstanceId: words.get('instance') ?? null,
    topics: pairs(words.get('offsets')).map(([topic, offset]) => ({
      name: topic,
      topicId: ZERO_UUID,
      partitions: [
        {
          partitionIndex: 0,
          committedOffset: Number(offset),
          committedLeaderEpoch: Number(words.get('epoch') ?? -1),
          committedMetadata: words.get('metadata') ?? null,
        },
      ],
    })),
  }
}

function pairs(text: string | undefined): [string, string][] {
  return (text ?? '')
    .split(',')
    .filter((part) => part !== '')
    .map((part) => part.split(':') as [string, string])
}

function describe({ facts, replies, alarms }: Decision<GroupFact, GroupReply>): string[] {
  return [
    ...(facts ?? []).map((fact) => {
      const { type, ...rest } = fact
      return `${isDurable(fact) ? 'stores' : 'notes'} ${type} ${show(rest)}`
    }),
    ...(replies ?? []).map(({ ticket, reply }) => `answers ${ticket}: ${show(reply)}`),
    ...(alarms ?? []).map(({ name, at }) =>
      at === null ? `alarm ${name} off` : `alarm ${name} at ${at}`,
    ),
  ]
}

function show(value: unknown): string {
  if (value instanceof Uint8Array)
    return `'${Buffer.from(value)
      .toString('latin1')
      .replace(/[^!-~]/g, '.')}'`
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    return `{ ${Object.entries(value)
      .map(([name, field]) => `${name}: ${show(field)}`)
      .join(', ')} }`
  }
  return typeof value === 'string' ? value || "''" : String(value)
}
