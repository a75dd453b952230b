import type { Mutant } from './mutant.ts'

/** Of the declarations of messages: versions, defaults, tags and the order of fields. */
export const mutants: readonly Mutant[] = [
  {
    file: 'protocol/messages/produce.ts',
    text: '          .since(10)\n          .tagged(0),\n      }),',
    replacement: '          .since(10)\n          .tagged(1),\n      }),',
    about:
      "A producer isn't told who leads the partition now, as it looks for that under another tag.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/produce.ts',
    text: 'flexible: 9',
    replacement: 'flexible: 8',
    about: "Producers of version 8, which librdkafka uses, are answered in a form they don't know.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/produce.ts',
    text: '      name: string.until(12),\n      topicId: uuid.since(13),\n      partitionData',
    replacement: '      name: string,\n      topicId: uuid.since(13),\n      partitionData',
    about: 'Nobody can produce by topic id any more.',
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/fetch.ts',
    text: 'replicaDirectoryId: uuid.since(17).tagged(0)',
    replacement: 'replicaDirectoryId: uuid.since(17)',
    about: 'Followers of version 17 fetch from offsets that are none.',
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/fetch.ts',
    text: 'abortedTransactions: array({ producerId: int64, firstOffset: int64 }).nullable()',
    replacement: 'abortedTransactions: array({ firstOffset: int64, producerId: int64 }).nullable()',
    about: 'Readers of committed records get those of aborted transactions.',
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/list-offsets.ts',
    text: 'timeoutMs: int32.since(10)',
    replacement: 'timeoutMs: int32.since(9)',
    about: "Clients of version 9 can't ask for offsets.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/metadata.ts',
    text: 'includeClusterAuthorizedOperations: bool.since(8).until(10)',
    replacement: 'includeClusterAuthorizedOperations: bool.since(8)',
    about: "Clients of version 11 and later can't ask who leads what.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/metadata.ts',
    text: 'array({ topicId: uuid.since(10), name: string.nullable(10) }).nullable(1)',
    replacement: 'array({ topicId: uuid.since(10), name: string.nullable(10) }).nullable(2)',
    about: 'A client of version 1 that asks for all topics loses its connection.',
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/find-coordinator.ts',
    text: 'coordinatorKeys: array(string).since(4)',
    replacement: 'coordinatorKeys: array(string).since(5)',
    about: "Clients of version 4 can't find the coordinator of their groups.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/find-coordinator.ts',
    text: 'errorMessage: string.nullable(1, 3).since(1).until(3)',
    replacement: 'errorMessage: string.nullable(2, 3).since(1).until(3)',
    about: "A client of version 1 can't be told without a message where its coordinator is.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/join-group.ts',
    text: 'protocolName: string.nullable(7)',
    replacement: 'protocolName: string.nullable(8)',
    about: 'Members of version 7 whose request was refused are cut off: there is no name to tell.',
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/sync-group.ts',
    text: '  request: {\n    groupId: string,\n    generationId: int32,\n    memberId: string,',
    replacement:
      '  request: {\n    groupId: string,\n    memberId: string,\n    generationId: int32,',
    about: 'Members never get their partitions: what they say is read in the wrong order.',
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/leave-group.ts',
    text: 'memberId: string.until(2)',
    replacement: 'memberId: string.until(3)',
    about: "Members of version 3 can't leave; the group waits for their session to end.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/txn-offset-commit.ts',
    text: 'topicId: uuid.since(6),\n      partitions: array({\n        partitionIndex: int32,\n        committedOffset',
    replacement:
      'topicId: uuid.since(5),\n      partitions: array({\n        partitionIndex: int32,\n        committedOffset',
    about: 'Transactional producers of version 5 commit offsets of a topic that nobody knows.',
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/create-topics.ts',
    text: 'topicConfigErrorCode: errorCode.since(5).tagged(0)',
    replacement: 'topicConfigErrorCode: errorCode.since(5)',
    about: "Tools can't read the answer of a topic that was created.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/create-topics.ts',
    text: 'validateOnly: bool.default(false)',
    replacement: 'validateOnly: bool.default(false).since(3)',
    about: "Tools of version 2 can't create topics.",
    killedBy: ['protocol/vectors'],
  },
  {
    file: 'protocol/messages/delete-records.ts',
    text: 'timeoutMs: int32,\n  },',
    replacement: 'timeoutMs: int32.default(0).since(1),\n  },',
    about: 'Who asks in version 0 can delete no records: the request seems to end too late.',
    killedBy: ['protocol/vectors'],
  },
]
