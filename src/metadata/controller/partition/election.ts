import { NO_LEADER } from '../../image.ts'

/**
 * `preferred`: the first of the replicas, if it can lead without loss; `online`: whoever can lead without loss, the present
 * leader before all others; `unclean`: as `online`, and where there is nobody, whoever can lead at all.
 */
export type Election = 'preferred' | 'online' | 'unclean'

/** What an election decides by. */
export interface Candidates {
  /** The present leader; -1: none. */
  readonly leader: number
  /** In the order in which they are to lead. */
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** [KIP-966] Who lacks nothing that was acknowledged, as long as nobody is in sync. */
  readonly eligible: readonly number[]
  /** [KIP-966] Who led last, where nobody is in sync or eligible any more. */
  readonly lastKnown: readonly number[]
  /** [KIP-966] Whether the cluster keeps who is eligible. */
  readonly keepsEligible: boolean
  /** Whether a broker is alive, and its replica in a directory that is online. */
  canLead(brokerId: number): boolean
}

export interface Elected {
  /** -1: nobody can lead. */
  readonly leader: number
  /** Records that were acknowledged may be lost. */
  readonly isUnclean: boolean
}

/** Who leads a partition from now on; the present leader where nothing speaks against it. */
export function elect(election: Election, candidates: Candidates): Elected {
  const { leader, replicas } = candidates
  const preferred = replicas[0]!
  if (election === 'preferred' && isComplete(candidates, preferred)) {
    return { leader: preferred, isUnclean: false }
  }
  if (isComplete(candidates, leader)) return { leader, isUnclean: false }
  const clean = replicas.find((id) => isComplete(candidates, id))
  if (clean !== undefined) return { leader: clean, isUnclean: false }
  const last = lastLeader(candidates)
  if (last !== null) return { leader: last, isUnclean: true }
  const any = election === 'unclean' ? replicas.find((id) => candidates.canLead(id)) : undefined
  if (any !== undefined) return { leader: any, isUnclean: true }
  return { leader: NO_LEADER, isUnclean: false }
}

function isComplete({ isr, eligible, canLead }: Candidates, id: number): boolean {
  const hasAll = isr.length === 0 ? eligible.includes(id) : isr.includes(id)
  return hasAll && canLead(id)
}

/** [KIP-966] Where no replica is known to be whole, the one that led last has most, and may lead whatever the settings say. */
function lastLeader({
  isr,
  eligible,
  lastKnown,
  keepsEligible,
  canLead,
}: Candidates): number | null {
  if (!keepsEligible || isr.length + eligible.length > 0 || lastKnown.length !== 1) return null
  const id = lastKnown[0]!
  return canLead(id) ? id : null
}
