import type { BadInput, Told } from './case.ts'
import { Producer, settled, transacts } from './transactional-producer.ts'

/** What each request of a transaction comes to; none of them leaves anything open. */
async function everything(producer: Producer): Promise<Told> {
  return {
    added: [await producer.copy().add(0), await producer.copy().add(3)],
    offsetsAdded: [await producer.copy().addOffsets(0), await producer.copy().addOffsets(3)],
    offsets: await inEach([0, 3, 4, 5, 6], (version) => producer.copy().commitOffset(version)),
    produced: await inEach([10, 11, 12], (version) => producer.copy().produce(version)),
    committed: await inEach([0, 1, 2, 3, 4, 5], (version) => producer.copy().end(version)),
    aborted: await inEach([4, 5], (version) => producer.copy().end(version, false)),
  }
}

async function inEach(
  versions: readonly number[],
  ask: (version: number) => Promise<Told>,
): Promise<Told> {
  const told: Told[] = []
  for (const version of versions) told.push(await ask(version))
  return told
}

const identities: BadInput[] = [
  transacts('all of a transaction with the producer id of another', async (own, client, world) => {
    const other = await Producer.begin(client, world, 'the other one')
    return everything(own.as({ producerId: other.producerId }))
  }),
  transacts('all of a transaction with a producer id that nobody has', (own) =>
    everything(own.as({ producerId: 2 ** 40 })),
  ),
  transacts('all of a transaction with an epoch that is yet to come', (own) =>
    everything(own.as({ producerEpoch: own.producerEpoch + 5 })),
  ),
  transacts('all of a transaction with an epoch of before', async (own) => {
    const old = own.copy()
    await settled(() => own.init())
    return everything(old)
  }),
  transacts('all of a transaction of a transactional id that nobody knows', (own) =>
    everything(own.as({ transactionalId: 'a transactional id that nobody knows' })),
  ),
  transacts(
    'an epoch of before while the transaction of the next producer is open',
    async (own) => {
      const old = own.copy()
      await settled(() => own.init())
      await own.produce(12)
      const told = [await old.produce(12), await old.end(4), await old.end(5), await old.add(3)]
      return [told, await own.state(), await own.end(5, false)]
    },
  ),
]

/** [KIP-360] */
const goingOn: BadInput[] = [
  transacts('InitProducerId with what it has, and once more', async (own) => {
    const old = own.copy()
    return [await own.goOn(), await old.goOn(), await own.goOn(), await own.goOn(3)]
  }),
  transacts('InitProducerId with an epoch of two before', async (own) => {
    const old = own.copy()
    await own.goOn()
    await own.goOn()
    return old.goOn()
  }),
  transacts('InitProducerId with an epoch that is yet to come', (own) =>
    own.as({ producerEpoch: own.producerEpoch + 1 }).goOn(),
  ),
  transacts('InitProducerId with the producer id of another', async (own, client, world) => {
    const other = await Producer.begin(client, world, 'yet another one')
    return own.as({ producerId: other.producerId }).goOn()
  }),
  transacts('InitProducerId with half an identity', async (own) => [
    await own.as({ producerId: -1 }).goOn(),
    await own.as({ producerEpoch: -1 }).goOn(),
  ]),
  transacts('InitProducerId with what it has, of an id that nobody knows', (own) =>
    own.as({ transactionalId: 'nobody knows this one either' }).goOn(),
  ),
  transacts('InitProducerId with what it has, fenced by another', async (own) => {
    const old = own.copy()
    await settled(() => own.init())
    return [await old.goOn(3), await old.goOn()]
  }),
  ...[10, 12].map((version) =>
    transacts(
      `InitProducerId with what it has in a transaction of Produce v${version}`,
      async (own) => {
        if (version < 12) await own.add(3)
        await own.produce(version)
        const old = own.copy()
        return [await own.goOn(), await own.state(), await old.end(5), await old.goOn()]
      },
    ),
  ),
]

const sequences: BadInput[] = [
  transacts(
    'sequences that are sent again, left out, and those of the epoch before',
    async (own) => {
      const told: Told[] = []
      for (const sequence of [0, 0, 5, 1, 0, 1]) told.push(await own.produce(12, sequence))
      told.push(await own.end(5))
      for (const sequence of [2, 1, 0, 0, 1]) told.push(await own.produce(12, sequence))
      return [...told, await own.end(5, false)]
    },
  ),
  transacts('sequences that go on over ends which keep the epoch', async (own) => {
    const told: Told[] = []
    const transact = async (...all: readonly number[]): Promise<void> => {
      await own.add(3)
      for (const sequence of all) told.push(await own.produce(10, sequence))
      told.push(await own.end(3))
    }
    await transact(0, 1)
    await transact(2, 2, 1)
    await transact(5, 3)
    return told
  }),
  transacts('a sequence of another partition', async (own) => {
    const told = [await own.produce(12), await own.produce(12, 1, 'plain')]
    return [...told, await own.produce(12, 0, 'plain'), await own.end(5, false)]
  }),
]

/** Requests of producers that are not who they say they are, or were. */
export const fencing: readonly BadInput[] = [...identities, ...goingOn, ...sequences]
