import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver } from '../clients/driver.ts'
import { Load } from '../clients/load.ts'
import { makingPatiently } from '../clients/patient.ts'
import { goProgram, javaProgram, pythonProgram } from '../clients/programs.ts'
import type { Step } from '../clients/scenario.ts'
import { goMissing, javaMissing, pythonMissing } from '../clients/toolchains.ts'
import { randomIntegers, scale, seed, seedOf, soaking } from '../soak.ts'
import { killAll } from '../support/broker-process.ts'
import { hostsMissing } from '../support/hosts.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ComposedCluster } from './composed.ts'

/** In CI one client; librdkafka and Java, too, in the soak. */
const CLIENTS = soaking
  ? [javaProgram, goProgram('franz-go'), pythonProgram('confluent-kafka')]
  : [goProgram('franz-go')]
const ROUNDS = scale(1, 3)
/** Of a round. */
const LIMIT_MS = scale(900_000, 2_400_000)
/** What happens outlasts a session, since each node leads a topic of each client: others have to lead it before that goes on. */
const ENVIRONMENT: Readonly<Record<string, string>> = soaking
  ? {}
  : { KAFKA_BROKER_SESSION_TIMEOUT_MS: '4000', KAFKA_BROKER_HEARTBEAT_INTERVAL_MS: '500' }
const DISK_BYTES = 512 * 1024 * 1024
/** As many as there are nodes. */
const TOPICS = 3

async function toolchainsMissing(): Promise<string | null> {
  const missing = soaking
    ? ((await goMissing()) ?? (await javaMissing()) ?? (await pythonMissing()))
    : await goMissing()
  if (missing !== null && process.env['OTTLA_REQUIRE_CLIENTS'] === '1') throw new Error(missing)
  return missing
}

const missing = hostsMissing() ?? (await toolchainsMissing())
const directories = temporaryDirectories()
let cluster: ComposedCluster | null = null
afterEach(async () => {
  await cluster?.close()
  cluster = null
  await killAll()
  directories.removeAll()
})

/** Something that happens to a node, and how it is mended. */
interface Disaster {
  readonly what: string
  begin(on: ComposedCluster, name: string): unknown
  end(on: ComposedCluster, name: string): unknown
}

const othersThan = ({ names }: ComposedCluster, name: string): string[] =>
  names.filter((other) => other !== name)

const fillerOn = (on: ComposedCluster, name: string): string => join(on.volumeOf(name), 'filler')

/** Takes all room that a disk has. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (let size = 1024 * 1024; size > 0; size >>= 1) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(file)
  }
}

const DISASTERS: readonly Disaster[] = [
  {
    what: 'stands still (SIGSTOP)',
    begin: (on, name) => on.processOf(name).kill('SIGSTOP'),
    end: (on, name) => on.processOf(name).kill('SIGCONT'),
  },
  {
    what: 'is cut off from all',
    begin: ({ hosts }, name) => hosts.cut(name),
    end: ({ hosts }, name) => hosts.mend(name),
  },
  {
    what: 'is heard by none of the other nodes, and hears them',
    begin: (on, name) => {
      for (const other of othersThan(on, name)) on.hosts.cutOneWay(name, other)
    },
    end: ({ hosts }, name) => hosts.mend(name),
  },
  {
    what: 'hears none of the other nodes, and is heard',
    begin: (on, name) => {
      for (const other of othersThan(on, name)) on.hosts.cutOneWay(other, name)
    },
    end: (on, name) => {
      for (const other of othersThan(on, name)) on.hosts.mend(other)
    },
  },
  {
    what: 'has no room on its disk',
    begin: async (on, name) => {
      fill(fillerOn(on, name))
      // Nothing else is left to it.
      expect(await on.ended(name)).toMatchObject({ code: 1, signal: null })
    },
    end: async (on, name) => {
      rmSync(fillerOn(on, name))
      await on.start(name)
    },
  },
  {
    what: 'is stopped, and started again',
    begin: async (on, name) => {
      const [ended] = await on.stop(name)
      expect(ended).toMatchObject({ code: 0 })
    },
    end: (on, name) => on.start(name),
  },
]

const step: Step = async (name, run) => {
  const start = performance.now()
  const result = await run()
  console.log(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`)
  return result
}

const topicsOf = ({ name }: Driver): string[] =>
  Array.from({ length: TOPICS }, (_, index) => `load-${name}-${index}`)

const body = async (round: number): Promise<void> => {
  const chance = randomIntegers(seedOf(`round ${round}`, seed))
  const root = directories.make()
  const composed = (cluster = new ComposedCluster('docker/compose.yaml', root, ENVIRONMENT))
  for (const each of composed.names) composed.limitVolume(each, DISK_BYTES)
  await composed.start(...composed.names)
  const drivers = CLIENTS.map((program) => makingPatiently(composed.insideClient(program)))
  const topics = drivers.flatMap(topicsOf)
  await composed.makeLed(topics)
  const load = await Load.begin(step, drivers, topicsOf)
  const aLeader = {
    who: 'a leader',
    choose: () => composed.leaderOf(topics[chance(topics.length)]!),
  }
  const controller = {
    who: 'the active controller',
    choose: () => composed.activeController(),
  }
  const strike = async ({ what, begin, end }: Disaster, { who, choose }: typeof aLeader) => {
    const victim = await step('all are in sync, and each leads', async () => {
      await composed.isWhole()
      await composed.preferredLeaders()
      await load.more()
      return choose()
    })
    await step(`${who} ${what}: the others go on`, async () => {
      await begin(composed, victim)
      await load.more()
    })
    await step(`${who} ${what}: it comes back`, async () => {
      await end(composed, victim)
      await load.more()
    })
  }
  for (const [index, disaster] of DISASTERS.entries()) {
    // Where each strikes once, every other one strikes the controller.
    if (soaking || index % 2 === 0) await strike(disaster, aLeader)
    if (soaking || index % 2 === 1) await strike(disaster, controller)
  }
  await composed.isWhole()
  await load.check()
  const ends = await composed.stop(...composed.names)
  for (const ended of ends) expect(ended).toMatchObject({ code: 0 })
}

for (let round = 1; round <= ROUNDS; round++) {
  const name = `soak: what was acknowledged is there, once and in order, whatever happens to the host of a leader or of the active controller (round ${round}, seed ${seed})`
  if (missing === null) test(name, () => body(round), LIMIT_MS)
  else test.skip(`${name} (needs ${missing})`, () => body(round), LIMIT_MS)
}
