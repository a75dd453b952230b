import { buildBatch } from '../../../protocol/records/batch.ts'
import { BrokerConfig } from '../../../src/config/broker-config.ts'
import { Coordinator } from '../../../src/coordinators/runtime/coordinator.ts'
import type { ShardSettings } from '../../../src/coordinators/runtime/kind.ts'
import type { Logger } from '../../../src/host/host.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import type { LogManager } from '../../../src/log/manager.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import type { PartitionAssignment } from '../../../src/replication/partition/assignment.ts'
import { leaderServices } from '../../replication/leader-services.ts'
import { seeded, simulatedDisk, simulatedHost } from '../../log/seeded.ts'
import { codecs, openManager, TOPIC_ID } from '../../log/support.ts'
import { SkippingClock } from '../../support/skipping-clock.ts'
import { tallyKind } from './tally.ts'
import type { TallyFact, TallyMachine, TallyOperations } from './tally.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'

const BROKER_ID = 1

/** The broker leads a partition that it has with others. */
export function ledWith(isr: readonly number[], leaderEpoch: number): PartitionAssignment {
  const replicas = [BROKER_ID, 2]
  return { leader: BROKER_ID, leaderEpoch, partitionEpoch: 0, replicas, isr, directories: [] }
}

/** A broker that coordinates tallies, with the partitions of their topic on a simulated disk. */
export interface TallyNode {
  readonly clock: SkippingClock
  /** Has what the disk's threads do from now on wait until the function returned is called. */
  holdDisk(): () => void
  minInSyncReplicas: number
  readonly manager: LogManager
  readonly partitions: Partition[]
  readonly tallies: Coordinator<TallyOperations, TallyFact, ShardSettings, string>
  /** All that were made, in order. */
  readonly machines: TallyMachine[]
  readonly effects: string[]
  readonly logged: { level: string; message: string; fields: object }[]
  /** Takes up what it leads, and waits until that is loaded. */
  lead(): Promise<void>
  read(partition?: number): Promise<{ total: number; notes: readonly string[] }>
  outcome(work: Promise<unknown>): Promise<string>
  /** Writes into the first partition, past its coordinator. */
  append(amount: number): Promise<void>
}

export async function tallyNode({
  count = 1,
  isr = [BROKER_ID],
  minInSyncReplicas = 1,
  log: config = {},
}: {
  count?: number
  isr?: readonly number[]
  minInSyncReplicas?: number
  log?: Partial<LogConfig>
} = {}): Promise<TallyNode> {
  const node = { minInSyncReplicas }
  const clock = new SkippingClock()
  const logged: TallyNode['logged'] = []
  const logger = (of: object): Logger => {
    const line = (level: string) => (fields: object, message: string) =>
      void logged.push({ level, message, fields: { ...of, ...fields } })
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => logger({ ...of, ...fields }),
    }
  }
  let held: (() => void)[] | null = null
  const disk = simulatedDisk({
    later: (work) => (held === null ? queueMicrotask(work) : void held.push(work)),
  })
  const host = { ...simulatedHost(disk, seeded(1)), clock, log: logger({}) }
  const logConfig = { ...DEFAULT_LOG_CONFIG, ...config }
  const manager = openManager('/data', { host })
  const partitions: Partition[] = []
  for (let index = 0; index < count; index++) {
    partitions.push(
      new Partition({
        services: leaderServices(clock, BROKER_ID),
        topic: '__tally',
        topicId: TOPIC_ID,
        index,
        assignment: ledWith(isr, 0),
        log: await manager.createLog('__tally', index, TOPIC_ID, logConfig),
        settings: () => ({
          log: logConfig,
          minInSyncReplicas: node.minInSyncReplicas,
          deletesRecords: false,
          throttled: NOT_THROTTLED,
        }),
      }),
    )
  }
  const machines: TallyMachine[] = []
  const effects: string[] = []
  const tallies = new Coordinator(tallyKind(machines), {
    host,
    codecs,
    config: new BrokerConfig({}),
    partitionCount: () => count,
    partition: (index) => partitions[index],
    runEffect: (effect: string) => void effects.push(effect),
  })
  const read = (partition = 0) => tallies.askPartition<'Read'>(partition, { type: 'Read' })
  const outcome = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'NONE',
      (error: { code: string }) => error.code,
    )
  const lead = async (): Promise<void> => {
    tallies.follow()
    for (const partition of tallies.partitions) {
      while ((await outcome(read(partition))) === 'COORDINATOR_LOAD_IN_PROGRESS') await turn()
    }
  }
  const holdDisk = (): (() => void) => {
    const waiting: (() => void)[] = (held = [])
    return () => {
      held = null
      for (const work of waiting) work()
    }
  }
  const append = (amount: number): Promise<void> => {
    const record = { timestamp: 1, key: Buffer.from(''), value: Buffer.from(String(amount)) }
    const batch = buildBatch({ records: [record] }, codecs)
    return new Promise((done) => partitions[0]!.append(batch, 1, 'client', 0, () => done()))
  }
  const all = { clock, holdDisk, manager, partitions, tallies, machines, effects, logged }
  return Object.assign(node, { ...all, lead, read, outcome, append })
}

/** What was asked for so far in this turn of the event loop is done. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
