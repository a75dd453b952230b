import { systemClock } from './clock.ts'
import { systemDisk } from './disk.ts'
import type { Host } from './host.ts'
import { pinoLogger, type LoggerOptions } from './logger.ts'
import { tcpNetwork } from './network.ts'
import { systemRandom } from './random.ts'
import { nodeWorkers } from './workers.ts'

export interface NodeHostOptions {
  readonly log?: LoggerOptions
}

/** The Host of a real node: this process's clock, files, sockets, randomness and threads, and a log on standard error. */
export function nodeHost(options: NodeHostOptions = {}): Host {
  const log = pinoLogger(options.log)
  return {
    clock: systemClock(),
    disk: systemDisk(),
    network: tcpNetwork(log),
    random: systemRandom(),
    workers: nodeWorkers(),
    log,
  }
}
