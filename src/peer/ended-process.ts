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
  const said = await Promise.all(places.map((place) => dialUnlessEnding(host, place, DIAL_MS)))
  const first = said.findIndex(({ dialled }) => dialled !== 'refused')
  if (first >= 0) {
    const isTried = said[first]!.dialled !== 'failed'
    return `${textOf(places[first]!)} ${isTried ? 'does not refuse connections' : 'could not be dialled'}`
  }
  const tookMs = Math.max(...said.map((each) => each.tookMs))
  await new Promise<void>((resolve) => void host.clock.after(againMs, resolve))
  return signOfReturn(host, places, tookMs)
}

/**
 * Whether somebody listens again in any of the places of a process that has ended.
 * @param tookMs in which their machines have answered before; 0: not known
 * @returns where somebody does, or may, since it could not be asked there; null where nobody does
 */
export async function signOfReturn(
  host: Dialling,
  places: readonly ProvenEndpoint[],
  tookMs = 0,
): Promise<string | null> {
  const dialled = await Promise.all(places.map((place) => dial(host, place, againLimit(tookMs))))
  const again = dialled.findIndex((each) => each === 'accepted' || each === 'failed')
  if (again < 0) return null
  const what =
    dialled[again] === 'accepted' ? 'accepts connections again' : 'could not be tried again'
  return `${textOf(places[again]!)} ${what}`
}

/** @returns milliseconds in which a machine that is there answers, as it has before in so many */
const againLimit = (tookMs: number): number =>
  Math.min(Math.max(SECOND_DIAL_TIMES * tookMs, LEAST_SECOND_DIAL_MS), DIAL_MS)

const textOf = ({ ip, port }: ProvenEndpoint): string => formatAddress({ host: ip, port })

interface Said {
  readonly dialled: Dialled
  /** For the last word of its machine. */
  readonly tookMs: number
}

/**
 * What a connection tells of a process that is being killed may be faster than the end of its ports: it is dialled again where that
 * ends a connection. A port that is closed resets those that nobody has taken. Where one was, and the machine is silent then, it is as
 * if it had refused, and has gone since.
 * @param timeoutMs as long as nothing is known of its machine
 */
export async function dialUnlessEnding(
  host: Dialling,
  place: ProvenEndpoint,
  timeoutMs: number,
): Promise<Said> {
  let reset: Said | null = null
  for (let dials = 1; ; dials++) {
    const beganMs = host.clock.monotonic()
    const limitMs = reset === null ? timeoutMs : againLimit(reset.tookMs)
    const dialled = await dial(host, place, limitMs, ENDING_MS)
    if (dialled === 'silent' && reset !== null) return { ...reset, dialled: 'refused' }
    const said = { dialled, tookMs: host.clock.monotonic() - beganMs }
    const isEnding = dialled === 'ended' || dialled === 'reset'
    if (!isEnding || dials === MOST_DIALS) return said
    reset = dialled === 'reset' ? said : null
  }
}
