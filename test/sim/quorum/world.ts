import { nodeCodecs } from '../../../src/host/codecs.ts'
import { SimMachine } from '../../../src/host/sim/machine.ts'
import { SimNetwork } from '../../../src/host/sim/network.ts'
import type { Scheduler } from '../../../src/host/sim/scheduler.ts'
import { Controller } from './controller.ts'
import { Driver } from './driver.ts'
import type { QuorumSchedule } from './faults.ts'
import type { QuorumHistory } from './history.ts'
import { firstVoter, type Member } from './member.ts'
import { SimulatedWays } from './ways.ts'

/** What is between the nodes, and may be disturbed. */
interface Between {
  cut(from: number, to: number): void
  /** @param perMillion of what is sent so much is lost */
  lose(perMillion: number): void
  heal(): void
}

/** The nodes of a quorum, and what is between them. */
export interface QuorumWorld {
  readonly members: ReadonlyMap<number, Member>
  readonly between: Between
}

interface WorldParts {
  readonly scheduler: Scheduler
  readonly schedule: QuorumSchedule
  readonly history: QuorumHistory
  readonly failed: (error: unknown) => void
}

const CONNECTIONS_LOST = 4

/** Drivers that send each other messages, or whole controllers with a network, as the schedule says. */
export function makeWorld({ scheduler, schedule, history, failed }: WorldParts): QuorumWorld {
  const { isDynamic, timeouts, voters: count, observers } = schedule
  const network = new SimNetwork(scheduler)
  const machines = { scheduler, network, codecs: nodeCodecs() }
  const voters = Array.from({ length: count }, (_, id) => firstVoter(id))
  const partsOf = (id: number) => ({
    id,
    machine: new SimMachine(`node${id}`, machines),
    history,
    voters: id < count || !isDynamic ? voters : null,
    isDynamic,
    formsItself: schedule.formsItself === true,
    timeouts,
    failed,
  })
  const ids = Array.from({ length: count + observers }, (_, id) => id)
  if (schedule.nodes === 'drivers') {
    const members = new Map<number, Driver>()
    const ways = new SimulatedWays(scheduler, history, members, failed)
    for (const id of ids) members.set(id, new Driver({ ...partsOf(id), ways }))
    return { members, between: ways }
  }
  const members = new Map<number, Controller>()
  const servers = (): string[] =>
    [...members.values()].map(({ machine, port }) => `${machine.name}:${port}`)
  const { maxIdleIntervalMs } = schedule
  for (const id of ids) {
    members.set(id, new Controller({ ...partsOf(id), servers, maxIdleIntervalMs }))
  }
  return { members, between: betweenControllers(network) }
}

function betweenControllers(network: SimNetwork): Between {
  return {
    cut: (from, to) => network.cut(`node${from}`, `node${to}`),
    // What is lost TCP repeats, or the connection breaks.
    lose: (perMillion) => {
      if (perMillion === 0) return
      for (let count = 0; count < CONNECTIONS_LOST; count++) network.resetOne()
    },
    heal: () => network.heal(),
  }
}
