import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { UpdateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import type { Host, Logger, Timer } from '../host/host.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { ControllerLink } from '../peer/controller-link.ts'
import type { PeerHost } from '../peer/security.ts'
import { KRAFT_VERSION } from '../metadata/features.ts'
import { UpgradeType } from '../metadata/controller/commands.ts'
import { KRAFT_VERSIONS } from '../quorum/control.ts'
import type { Quorum } from '../quorum/quorum.ts'
import { isKeyOf } from '../quorum/rules.ts'
import type { ReplicaKey, Voter } from '../quorum/types.ts'
import { isToldAs } from '../quorum/voter-changes.ts'

interface OwnVoteOptions {
  readonly host: PeerHost & Pick<Host, 'log'>
  readonly clusterId: string
  readonly metadata: MetadataNode
  readonly quorum: Quorum
  /** This node as a voter, where it listens now. */
  readonly self: Voter
  /** `controller.quorum.auto.join.enable` */
  readonly joins: boolean
  /** Whether a static quorum that this node leads is to name its voters in its log as soon as all have told their disks. */
  readonly raises: boolean
  /** `controller.quorum.fetch.timeout.ms`: how often it is looked at. */
  readonly intervalMs: number
}

/**
 * [KIP-853] Has the quorum know where this voter listens, and what it knows: the leader is told where the log says otherwise, and
 * once in each epoch where the log says nothing. A controller that is to join the voters by itself asks for that, in the place
 * of the disk that it had before. A static quorum that nobody has formatted raises kraft.version by itself, so that its log tells
 * voters by their disks.
 */
export class OwnVote {
  readonly #options: OwnVoteOptions
  readonly #log: Logger
  readonly #link: ControllerLink
  #timer: Timer | null = null
  /** In which the leader of a static quorum was told, this node itself included. */
  #toldEpoch = -1
  /** The directory of the voter with this node's id that was told of last. */
  #strangeDirectory: string | null = null
  #isClosed = false

  constructor(options: OwnVoteOptions) {
    const { host, metadata, self, intervalMs } = options
    this.#options = options
    this.#log = host.log.child({ part: 'voters' })
    this.#link = new ControllerLink({
      host,
      log: this.#log,
      metadata,
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
    // What the leader is told of a newcomer it forgets with that node's next question.
    if (leader === null || quorum.isNewcomer) return null
    const known = quorum.voters.find(({ id }) => id === self.id)
    if (known !== undefined && isKeyOf(self, known)) {
      const isToldByLog = kraftVersion > 0
      const isLeader = leader.id === self.id
      const { minSupportedVersion: min, maxSupportedVersion: max } = KRAFT_VERSIONS
      const kraftVersions = { min, max }
      if (isToldByLog ? isToldAs(known, { ...self, kraftVersions }) : this.#toldEpoch === epoch) {
        return isLeader && !isToldByLog && this.#options.raises ? this.#raise() : null
      }
      const update = { kind: 'update', voter: self, kraftVersions } as const
      const errorCode = isLeader
        ? (await quorum.changeVoters(update)).errorCode
        : await this.#update(epoch)
      if (errorCode === 'NONE') this.#toldEpoch = epoch
      return errorCode
    }
    if (!joins && known !== undefined) this.#warnOf(known)
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

  /** As long as one of the voters has not told its disk, or a broker doesn't know the level, there is nothing to do. */
  async #raise(): Promise<ErrorName | null> {
    const { metadata } = this.#options
    if (!metadata.isController) return null
    const { errorCode } = await metadata.submit({
      type: 'updateFeatures',
      featureUpdates: [
        { feature: KRAFT_VERSION, maxVersionLevel: 1, upgradeType: UpgradeType.UPGRADE },
      ],
      validateOnly: false,
    })
    if (errorCode === 'NONE') {
      this.#log.info({ kraftVersion: 1 }, 'The log names the voters, with their disks, from now on')
    }
    return errorCode === 'INVALID_UPDATE_VERSION' ? null : errorCode
  }

  /** This node has another disk than the voter of its id: it doesn't count, and would wait for ever. */
  #warnOf({ id, directoryId }: ReplicaKey): void {
    if (directoryId === this.#strangeDirectory) return
    this.#strangeDirectory = directoryId
    const own = this.#options.self.directoryId
    this.#log.warn(
      { directoryId: own, voterDirectoryId: directoryId },
      `This controller only follows: the voters have controller ${id} with the directory ${directoryId}, and this one has ${own}. Where that disk is lost, take it out with ottla quorum remove ${id} --directory-id ${directoryId}, and let this one in with ottla quorum add`,
    )
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
