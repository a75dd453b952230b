import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { BeginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.ts'
import { EndQuorumEpoch } from '../../protocol/messages/end-quorum-epoch.ts'
import { FetchSnapshot } from '../../protocol/messages/fetch-snapshot.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { UpdateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import { Vote } from '../../protocol/messages/vote.ts'
import { CLOSED, CLUSTER_ID, NODE_ID, TestNode } from './test-node.ts'

const directoryId = Buffer.alloc(16, 0x80).toString('base64url')
const topicName = '__cluster_metadata'
const epoch = { leaderId: 2, leaderEpoch: 7 }
const told = { errorCode: 'NONE', topics: [{ topicName, partitions: [{ partitionIndex: 0 }] }] }

const voting = {
  clusterId: CLUSTER_ID,
  voterId: NODE_ID,
  topics: [
    {
      topicName,
      partitions: [
        {
          partitionIndex: 0,
          replicaEpoch: 7,
          replicaId: 2,
          replicaDirectoryId: 'B'.repeat(21) + 'A',
          voterDirectoryId: directoryId,
          lastOffsetEpoch: 3,
          lastOffset: 10,
          preVote: true,
        },
      ],
    },
  ],
}

const fetching = {
  clusterId: CLUSTER_ID,
  replicaState: { replicaId: 2 },
  maxWaitMs: 0,
  minBytes: 0,
  topics: [
    {
      topicId: 'A'.repeat(21) + 'Q',
      partitions: [
        {
          partition: 0,
          currentLeaderEpoch: 7,
          fetchOffset: 5,
          lastFetchedEpoch: 3,
          partitionMaxBytes: 0,
          replicaDirectoryId: 'B'.repeat(21) + 'A',
        },
      ],
    },
  ],
  forgottenTopicsData: [],
}

describe('the quorum’s requests, on a controller’s listener', () => {
  test('a vote is asked of the quorum, and its answer is told', async () => {
    const node = new TestNode()
    node.raft = () => ({
      type: 'voteReply',
      errorCode: 'NONE',
      epoch: 7,
      leaderId: -1,
      granted: true,
      preVote: true,
    })
    const { topics } = await node.ask(Vote, 2, voting)
    expect(topics[0]!.partitions).toEqual([
      { partitionIndex: 0, errorCode: 'NONE', leaderId: -1, leaderEpoch: 7, voteGranted: true },
    ])
    expect(node.raftRequests).toMatchObject([{ type: 'vote', preVote: true, lastOffset: 10 }])
  })

  test('the beginning and the end of an epoch are taken note of', async () => {
    const node = new TestNode()
    node.raft = () => ({ type: 'epochReply', errorCode: 'NONE', epoch: 7, leaderId: 2 })
    const partition = { partitionIndex: 0, ...epoch, voterDirectoryId: directoryId }
    const begin = {
      clusterId: null,
      voterId: NODE_ID,
      topics: [{ topicName, partitions: [partition] }],
      leaderEndpoints: [],
    }
    expect(await node.ask(BeginQuorumEpoch, 1, begin)).toMatchObject(told)
    const candidates = [{ candidateId: NODE_ID, candidateDirectoryId: directoryId }]
    const ended = { partitionIndex: 0, ...epoch, preferredCandidates: candidates }
    const end = {
      clusterId: null,
      topics: [{ topicName, partitions: [{ ...ended, preferredSuccessors: [] }] }],
      leaderEndpoints: [],
    }
    expect(await node.ask(EndQuorumEpoch, 1, end)).toMatchObject(told)
    expect(node.raftRequests.map(({ type }) => type)).toEqual([
      'beginQuorumEpoch',
      'endQuorumEpoch',
    ])
  })

  test('a fetch is one of the metadata log, which a broker’s listener does not serve', async () => {
    const node = new TestNode()
    node.raft = () => ({
      type: 'fetchReply',
      requestId: 0,
      errorCode: 'NONE',
      epoch: 7,
      leaderId: NODE_ID,
      highWatermark: 4,
      diverging: null,
      snapshot: null,
      records: Buffer.from('batches'),
    })
    const answer = await node.ask(Fetch, 18, fetching, 'raft', 'controller')
    expect(answer.responses[0]!.partitions).toMatchObject([
      { errorCode: 'NONE', highWatermark: 4, records: Buffer.from('batches') },
    ])
    // What was read for it need not be held any longer.
    expect(node.raftSent).toBe(1)
    const broker = await node.ask(Fetch, 18, fetching)
    expect(broker.responses[0]!.partitions[0]!.errorCode).not.toBe('NONE')
  })

  test('a snapshot that is not there is not found', async () => {
    const partition = {
      partition: 0,
      currentLeaderEpoch: 7,
      snapshotId: { endOffset: 9, epoch: 3 },
      position: 0,
    }
    const body = { topics: [{ name: topicName, partitions: [partition] }] }
    const node = new TestNode()
    expect(await node.ask(FetchSnapshot, 1, body)).toMatchObject({
      errorCode: 'NONE',
      topics: [
        { partitions: [{ errorCode: 'SNAPSHOT_NOT_FOUND', currentLeader: { leaderId: 1 } }] },
      ],
    })
    expect(node.raftSent).toBe(1)
  })

  test('a voter’s listeners are told to the leader, and who leads to the voter', async () => {
    const node = new TestNode()
    const update = {
      clusterId: CLUSTER_ID,
      currentLeaderEpoch: 1,
      voterId: 3,
      voterDirectoryId: directoryId,
      listeners: [{ name: 'CONTROLLER', host: 'c3', port: 9093 }],
      kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
    }
    const currentLeader = { leaderId: NODE_ID, leaderEpoch: 1, host: 'host1', port: 9093 }
    const answer = { errorCode: 'NONE', currentLeader }
    expect(await node.ask(UpdateRaftVoter, 0, update)).toMatchObject(answer)
    const voter = { id: 3, directoryId, endpoints: update.listeners }
    expect(node.voterChanges).toEqual([
      { kind: 'update', voter, kraftVersions: { min: 0, max: 1 } },
    ])
    expect(await node.ask(UpdateRaftVoter, 0, { ...update, currentLeaderEpoch: 0 })).toMatchObject({
      errorCode: 'FENCED_LEADER_EPOCH',
      currentLeader,
    })
    expect(await node.ask(UpdateRaftVoter, 0, { ...update, clusterId: 'other' })).toMatchObject({
      errorCode: 'INCONSISTENT_CLUSTER_ID',
      currentLeader,
    })
    const kRaftVersionFeature = { minSupportedVersion: 1, maxSupportedVersion: 0 }
    expect(await node.ask(UpdateRaftVoter, 0, { ...update, kRaftVersionFeature })).toMatchObject({
      errorCode: 'INVALID_REQUEST',
    })
    expect(node.voterChanges.length).toBe(1)
  })

  test('who votes is changed by the controller, for brokers’ clients, too', async () => {
    const node = new TestNode()
    node.controller = () => ({ errorCode: 'DUPLICATE_VOTER', errorMessage: 'it is one' })
    const endpoints = [{ name: 'CONTROLLER', host: 'c4', port: 9093 }]
    const voter = { voterId: 4, voterDirectoryId: directoryId }
    const adding = { clusterId: null, timeoutMs: 1000, listeners: endpoints, ...voter }
    const refused = { errorCode: 'DUPLICATE_VOTER', errorMessage: 'it is one' }
    expect(await node.ask(AddRaftVoter, 1, adding)).toMatchObject(refused)
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null })
    const done = { errorCode: 'NONE' }
    expect(await node.ask(RemoveRaftVoter, 0, { clusterId: CLUSTER_ID, ...voter })).toMatchObject(
      done,
    )
    const key = { id: 4, directoryId }
    expect(node.commands).toEqual([
      {
        type: 'changeVoters',
        change: { kind: 'add', voter: { ...key, endpoints }, ackWhenCommitted: true },
      },
      { type: 'changeVoters', change: { kind: 'remove', voter: key } },
    ])
    for (const clusterId of ['other']) {
      const wrong = { errorCode: 'INCONSISTENT_CLUSTER_ID' }
      expect(await node.ask(AddRaftVoter, 1, { ...adding, clusterId })).toMatchObject(wrong)
      expect(await node.ask(RemoveRaftVoter, 0, { ...voter, clusterId })).toMatchObject(wrong)
    }
    expect(node.commands.length).toBe(2)
  })

  test('who says what can not be true has its connection closed', async () => {
    const node = new TestNode()
    node.raft = () => null
    expect(await node.answer(Vote, 2, voting)).toBe(CLOSED)
  })
})
