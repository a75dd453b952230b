import { Controller } from '../../../../src/metadata/controller/controller.ts'
import type { Command } from '../../../../src/metadata/controller/controller.ts'
import { featureFact } from '../../../../src/metadata/facts.ts'
import { seededRandom } from '../../../../src/host/sim/random.ts'
import { topic } from '../../support.ts'
import { ask, broker, controllerOf, heartbeat } from '../tested-controller.ts'
import type { TestedController } from '../tested-controller.ts'

const BROKERS = [1, 2, 3, 4]
const kept = featureFact('eligible.leader.replicas.version', 1)
const fence = (id: number): Command => heartbeat(id, id - 1, { wantFence: true })

/** What somebody may do to a cluster at any time. */
function anything(controller: TestedController, random: ReturnType<typeof seededRandom>): void {
  const id = 1 + random.below(BROKERS.length)
  const names = [...controller.image.topics.byName.keys()]
  const name = names[random.below(Math.max(1, names.length))] ?? 'none'
  const replicas = BROKERS.filter(() => random.below(2) === 0)
  const commands: (() => unknown)[] = [
    () => ask(controller, heartbeat(id, id - 1, { wantFence: true })),
    () => ask(controller, heartbeat(id, id - 1)),
    () =>
      ask(controller, {
        type: 'createTopics',
        topics: [{ ...topic(`t${controller.nextOffset}`, 3), replicationFactor: 3 }],
        validateOnly: false,
      }),
    () =>
      ask(controller, {
        type: 'alterPartitionReassignments',
        topics: [{ name, partitions: [{ partitionIndex: random.below(3), replicas }] }],
        allowReplicationFactorChange: true,
      }),
    () => ask(controller, { type: 'electLeaders', electionType: 0, topicPartitions: null }),
    () => {
      const topics = random.below(4) > 0 ? [] : [{ name, topicId: 'A'.repeat(22) }]
      return ask(controller, { type: 'deleteTopics', topics })
    },
  ]
  commands[random.below(commands.length)]!()
}

describe('what a broker’s coming or going changes', () => {
  test('is the same whether its partitions were known all along or are found in the image', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      let bytes = 0
      const controller = controllerOf([...BROKERS.map((id) => broker(id)), kept], undefined, {
        random: { below: random.below, bytes: (length) => Buffer.alloc(length, ++bytes) },
      })
      for (let step = 0; step < 60; step++) anything(controller, random)
      const { image, nextOffset, settings } = controller
      const context = { ticket: 1, now: 0, wallNow: 0, nextOffset, settings }
      const fresh = new Controller(image, nextOffset)
      for (const id of BROKERS) {
        for (const command of [fence(id), heartbeat(id, id - 1)]) {
          const facts = (of: Controller): string[] =>
            (of.decide(command, context).facts ?? []).map((fact) => JSON.stringify(fact)).sort()
          expect(facts(controller)).toEqual(facts(fresh))
        }
      }
    }
  })
})
