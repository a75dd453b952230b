import type { ErrorName } from '../../../protocol/errors.ts'
import { AddRaftVoter } from '../../../protocol/messages/add-raft-voter.ts'
import { RemoveRaftVoter } from '../../../protocol/messages/remove-raft-voter.ts'
import type { Client } from '../../../bin/client/client.ts'
import type { Voter } from '../../../src/quorum/types.ts'
import { persist, sleep, untilOver, type ClientParts } from '../clients.ts'

const TIMEOUT_MS = 5000
/** It votes again: by this request, or by one whose answer was lost. */
const ADDED: readonly ErrorName[] = ['NONE', 'DUPLICATE_VOTER']

/** Has one of several controllers vote no longer, and then again: the active one, too. One at a time. */
export class VoterChanges {
  readonly #voters: readonly Voter[]
  /** Who may not vote. */
  #missing: Voter | null = null

  constructor(voters: readonly Voter[]) {
    this.#voters = voters
  }

  async run(parts: ClientParts): Promise<void> {
    // A quorum of one or two could not do without.
    if (this.#voters.length < 3) return
    await untilOver(parts, async (client) => {
      await sleep(parts, 5000)
      if (this.#missing === null) await this.#remove(parts, client)
      else await this.#add(client, this.#missing)
    })
  }

  /** Resolves when all vote. */
  untilAll(parts: ClientParts): Promise<void> {
    return persist(parts, async (client) => {
      if (this.#missing !== null) await this.#add(client, this.#missing)
      return this.#missing === null
    })
  }

  async #remove({ host }: ClientParts, client: Client): Promise<void> {
    const voter = this.#voters[host.random.below(this.#voters.length)]!
    // Until somebody says otherwise.
    this.#missing = voter
    const { id: voterId, directoryId: voterDirectoryId } = voter
    await client.request(RemoveRaftVoter, { clusterId: null, voterId, voterDirectoryId })
  }

  async #add(client: Client, { id, directoryId, endpoints }: Voter): Promise<void> {
    const { errorCode } = await client.request(AddRaftVoter, {
      clusterId: null,
      timeoutMs: TIMEOUT_MS,
      voterId: id,
      voterDirectoryId: directoryId,
      listeners: [...endpoints],
    })
    if (ADDED.includes(errorCode)) this.#missing = null
  }
}
