import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { UpdateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import type { Host, Logger, Timer } from '../host/host.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { ControllerLink } from '../peer/controller-link.ts'
import type { Quorum } from '../quorum/quorum.ts'
import { isKeyOf } from '../quorum/rules.ts'
import type { Voter } from '../quorum/types.ts'
import { sameEndpoints } from '../quorum/voter-changes.ts'

/** What this version knows of kraft.version. */
const KRAFT_VERSIONS = { minSupportedVersion: 0, maxSupportedVersion: 1 }

interface OwnVoteOptions {
  readonly host: Pick<Host, 'clock' | 'log' | 'network'>
  readonly clusterId: string
  readonly metadata: MetadataNode
  readonly quorum: Quorum
  /** This node as a voter, where it listens now. */
  readonly self: Voter
  /** `controller.quorum.auto.join.enable` */
  readonly joins: boolean
  /** `controller.quorum.fetch.timeout.ms`: how often it is looked at. */
  readonly intervalMs: number
}

/**
 * [KIP-853] Has the quorum know where this voter listens, and what it knows: the leader is told where the log says otherwise, and
 * once in each epoch where the log says nothing. A controller that is to join the voters by itself asks for that, in the place
 * of the disk that it had before.
 */
export class OwnVote {
  readonly #options: OwnVoteOptions
  readonly #log: Logger
  readonly #link: ControllerLink
  #timer: Timer | null = null
  /** In which the leader of a static quorum was told. */
  #toldEpoch = -1
  #isClosed = false

  constructor(options: OwnVoteOptions) {
    const { host, metadata, self, intervalMs } = options
    this.#options = options
    this.#log = host.log.child({ part: 'voters' })
    this.#link = new ControllerLink({
      host,
      log: this.#log,
      controller: {
        current: () => metadata.activeController,
        onChange: (listener) => metadata.onActiveController(listener),
      },
      clientId: `raft-client-${self.id}`,
      connectTimeoutMs: intervalMs,
      answerTimeoutMs: intervalMs,
      retryBackoffMs: intervalMs,
    })
    this.#later()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#link.close()
  }

  #later(): void {
    if (this.#isClosed) return
    this.#timer = this.#options.host.clock.after(this.#options.intervalMs, () => {
      this.#look().then(
        (errorCode) => {
          if (errorCode !== null && errorCode !== 'NONE') {
            this.#log.info({ errorCode }, 'The quorum does not take what this controller says yet')
          }
          this.#later()
        },
        (error: unknown) => {
          if (!this.#isClosed) this.#log.info({ err: error }, 'The leader could not be told yet')
          this.#later()
        },
      )
    })
  }

  /** Null where there is nothing to say. */
  async #look(): Promise<ErrorName | null> {
    const { quorum, self, joins, clusterId } = this.#options
    const { kraftVersion, leader, epoch } = quorum
    if (leader === null) return null
    const known = quorum.describe().voters.find(({ id }) => id === self.id)
    if (known !== undefined && isKeyOf(self, known)) {
      const isToldByLog = kraftVersion > 0
      if (isToldByLog ? sameEndpoints(known, self) : this.#toldEpoch === epoch) return null
      if (leader.id === self.id) {
        return (await quorum.changeVoters({ kind: 'update', voter: self })).errorCode
      }
      const errorCode = await this.#update(epoch)
      if (errorCode === 'NONE') this.#toldEpoch = epoch
      return errorCode
    }
    if (!joins || kraftVersion === 0) return null
    const asking = { clusterId, voterId: self.id }
    if (known !== undefined) {
      const body = { ...asking, voterDirectoryId: known.directoryId }
      return (await this.#link.ask(RemoveRaftVoter, body, this.#limits)).errorCode
    }
    const listeners = [...self.endpoints]
    const { intervalMs: timeoutMs } = this.#options
    const body = { ...asking, timeoutMs, voterDirectoryId: self.directoryId, listeners }
    const joining = { ...body, ackWhenCommitted: false }
    return (await this.#link.ask(AddRaftVoter, joining, this.#limits)).errorCode
  }

  async #update(epoch: number): Promise<ErrorName> {
    const { clusterId, self } = this.#options
    const { errorCode } = await this.#link.ask(
      UpdateRaftVoter,
      {
        clusterId,
        currentLeaderEpoch: epoch,
        voterId: self.id,
        voterDirectoryId: self.directoryId,
        listeners: [...self.endpoints],
        kRaftVersionFeature: KRAFT_VERSIONS,
      },
      this.#limits,
    )
    return errorCode
  }

  /** Who isn't the leader says so, and it is looked at again next time. */
  get #limits() {
    return { timeoutMs: this.#options.intervalMs, isElsewhere: () => false }
  }
}
