import { formatAddress } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import { dial } from './proven-endpoint.ts'
import type { ProvenEndpoint } from './proven-endpoint.ts'

type Dialling = Pick<Host, 'clock' | 'network'>

/** A machine that is there refuses at once. */
const DIAL_MS = 1000
/** The kernel of a process that is killed closes what that had open one after the other, and a port may be the last of it. */
const ENDING_MS = 500
const MOST_DIALS = 3
/** By the second time a machine is known to be there, and not far away. */
const SECOND_DIAL_MS = 100

/**
 * A process that has ended doesn't listen any more in any of the places where it has answered, and its machine says so; nor does it a
 * moment later. To be asked as soon as a connection to it has ended, for the machine may go together with the process, as that of a
 * container does, and silence is no sign.
 * @param againMs between the two looks: a process that is being restarted listens again by then, or won't soon
 * @returns why it may be alive; null where it has ended
 */
export async function signOfLife(
  host: Dialling,
  places: readonly ProvenEndpoint[],
  againMs: number,
): Promise<string | null> {
  const first = await firstWhere(places, async (place) => !(await refuses(host, place)))
  if (first !== null) return `${first} does not refuse connections`
  await new Promise<void>((resolve) => void host.clock.after(againMs, resolve))
  const accepts = async (place: ProvenEndpoint): Promise<boolean> =>
    (await dial(host, place, SECOND_DIAL_MS)) === 'accepted'
  const second = await firstWhere(places, accepts)
  return second === null ? null : `${second} accepts connections again`
}

/** All are asked at the same time. */
async function firstWhere(
  places: readonly ProvenEndpoint[],
  is: (place: ProvenEndpoint) => Promise<boolean>,
): Promise<string | null> {
  const at = (await Promise.all(places.map(is))).indexOf(true)
  return at < 0 ? null : formatAddress({ host: places[at]!.ip, port: places[at]!.port })
}

/** What a connection tells of a process that is being killed may be faster than the end of its ports. */
async function refuses(host: Dialling, place: ProvenEndpoint): Promise<boolean> {
  for (let dials = 0; dials < MOST_DIALS; dials++) {
    const dialled = await dial(host, place, DIAL_MS, ENDING_MS)
    if (dialled !== 'ended') return dialled === 'refused'
  }
  return false
}
