import type { Host, Socket } from '../../src/host/host.ts'
import type { Scheduler } from '../../src/host/sim/scheduler.ts'

/**
 * What becomes of a connection that is tried: `ended` by FIN as soon as it was accepted, `reset` by RST; `reset at once`, where it is
 * looked at when that has come already. `failed`: this process can't open a connection. What is late is so by as much as its test says.
 */
export type DialOutcome =
  | 'refused'
  | 'refused late'
  | 'accepted'
  | 'accepted late'
  | 'ended'
  | 'reset'
  | 'reset at once'
  | 'silent'
  | 'failed'

/** Has connections of a simulated node end as a test says, wherever they go. */
export async function dialOutcomes(own: Host, scheduler: Scheduler, lateMs = 0) {
  const listen = (port: number, accept: (socket: Socket) => void) =>
    scheduler.resolve(own.network.listen('', port, accept), 1000, 'a port')
  const ports = { accepted: 1, reset: 2, ended: 3 } as const
  const codes = {
    refused: 'ECONNREFUSED',
    'reset at once': 'ECONNRESET',
    failed: 'EMFILE',
  } as const
  await listen(ports.accepted, () => undefined)
  await listen(ports.reset, (socket) => socket.destroy())
  await listen(ports.ended, (socket) => socket.end())
  return async (host: string, outcome: DialOutcome): Promise<Socket> => {
    if (outcome.endsWith(' late')) {
      await new Promise<void>((resolve) => void own.clock.after(lateMs, resolve))
    }
    const what = outcome.replace(' late', '')
    if (what === 'silent') return new Promise(() => undefined)
    if (what in ports) return own.network.connect('own', ports[what as keyof typeof ports])
    const code = codes[what as keyof typeof codes]
    throw Object.assign(new Error(what), { code, address: host })
  }
}
