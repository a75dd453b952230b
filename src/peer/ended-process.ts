import { formatAddress } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import { dial } from './proven-endpoint.ts'
import type { Dialled, ProvenEndpoint } from './proven-endpoint.ts'

type Dialling = Pick<Host, 'clock' | 'network'>

/** A machine that is there refuses at once. */
const DIAL_MS = 1000
/** The kernel of a process that is killed closes what that had open one after the other, and a port may be the last of it. */
const ENDING_MS = 500
const MOST_DIALS = 3
/** By the second time it is known how far away a machine is: it is given so many times as long, and this at least. */
const SECOND_DIAL_TIMES = 3
const LEAST_SECOND_DIAL_MS = 100

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
  const beganMs = host.clock.monotonic()
  const first = await firstWhere(
    places,
    async (place) => (await dialUnlessEnding(host, place, DIAL_MS)) !== 'refused',
  )
  if (first !== null) return `${first} does not refuse connections`
  const tookMs = host.clock.monotonic() - beganMs
  await new Promise<void>((resolve) => void host.clock.after(againMs, resolve))
  return signOfReturn(host, places, SECOND_DIAL_TIMES * tookMs)
}

/**
 * Whether somebody listens again in any of the places of a process that has ended.
 * @param timeoutMs in which a machine that is there would answer, as far as is known
 * @returns where; null where nobody does
 */
export async function signOfReturn(
  host: Dialling,
  places: readonly ProvenEndpoint[],
  timeoutMs = 0,
): Promise<string | null> {
  const limitMs = Math.min(Math.max(timeoutMs, LEAST_SECOND_DIAL_MS), DIAL_MS)
  const accepts = async (place: ProvenEndpoint): Promise<boolean> =>
    (await dial(host, place, limitMs)) === 'accepted'
  const again = await firstWhere(places, accepts)
  return again === null ? null : `${again} accepts connections again`
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
export async function dialUnlessEnding(
  host: Dialling,
  place: ProvenEndpoint,
  timeoutMs: number,
): Promise<Dialled> {
  for (let dials = 1; ; dials++) {
    const dialled = await dial(host, place, timeoutMs, ENDING_MS)
    if (dialled !== 'ended' || dials === MOST_DIALS) return dialled
  }
}
