import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/handlers/turns.ts',
    text: 'if (from > 0) await',
    replacement: 'if (from < 0) await',
    about: 'A request of many elements holds up all other clients.',
    killedBy: ['handlers/turns'],
  },
  {
    file: 'src/handlers/turns.ts',
    text: 'elements.slice(from, from + perTurn)',
    replacement: 'elements.slice(from, from + perTurn - 1)',
    about: 'Of a request of many elements some have no answer.',
    killedBy: ['handlers/turns'],
  },
  {
    file: 'src/handlers/metadata.ts',
    text: '`${topic.topicId}${topic.name}`',
    replacement: 'topic.name',
    about: 'Of the topics asked for by id only one is answered.',
    killedBy: ['handlers/metadata'],
  },
  {
    file: 'src/handlers/turns.ts',
    text: '(from += counts[index]!)',
    replacement: '(from = counts[index]!)',
    about: 'From the third topic on ListOffsets answers with the offsets of others.',
    killedBy: ['handlers/turns'],
  },
  {
    file: 'src/handlers/in-pieces.ts',
    text: 'timeoutMs - (clock.monotonic() - since)',
    replacement: 'timeoutMs',
    about: 'A client that waits a minute is told after an hour.',
    killedBy: ['handlers/in-pieces'],
  },
  {
    file: 'src/handlers/in-pieces.ts',
    text: 'else same.push(item)',
    replacement: "else byKey.set(key + 'x', [item])",
    about: 'A topic that is named twice is made.',
    killedBy: ['handlers/in-pieces'],
  },
  {
    file: 'src/handlers/in-pieces.ts',
    text: 'if (piece.length > 0) yield piece',
    replacement: 'if (piece.length > 1) yield piece',
    about: 'The last of many topics is not made.',
    killedBy: ['handlers/in-pieces'],
  },
  {
    file: 'src/handlers/in-pieces.ts',
    text: '    if (!isFirst) await nextTurn(clock)\n',
    replacement: '',
    about: 'Whoever makes thousands of topics holds up all other clients.',
    killedBy: ['handlers/in-pieces'],
  },
  {
    file: 'src/handlers/create-topics.ts',
    text: 'return total > MAX_PARTITIONS_PER_OPERATION',
    replacement: 'return total > 10 * MAX_PARTITIONS_PER_OPERATION',
    about: "A request makes more partitions than Kafka's limit.",
    killedBy: ['handlers/create-topics'],
  },
  {
    file: 'src/handlers/delete-topics.ts',
    text: 'name ?? view.topicById(topicId)?.name ?? topicId',
    replacement: 'name ?? topicId',
    about:
      'A topic that is named by id and by name is deleted in one piece and unknown in the next.',
    killedBy: ['handlers/delete-topics'],
  },
  {
    file: 'src/handlers/offset-fetch.ts',
    text: 'bytes += partitions.length * OFFSET_BYTES\n',
    replacement: '',
    about: "One request for a group's offsets, named again and again, fills the heap.",
    killedBy: ['handlers/offset-fetch'],
  },
  {
    file: 'src/handlers/offset-fetch.ts',
    text: 'bytes += metadata.length * MAX_BYTES_A_UNIT',
    replacement: 'bytes += metadata.length * 0',
    about:
      'A partition with long metadata, named again and again in 14 KB, holds all clients up for half a second.',
    killedBy: ['handlers/offset-fetch'],
  },
]
