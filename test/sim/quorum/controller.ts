import { createHash } from 'node:crypto'
import { BrokerConfig } from '../../../src/config/broker-config.ts'
import { quorumMembership } from '../../../src/config/joining.ts'
import { openFilesOf } from '../../../src/broker/open-file-shares.ts'
import { findCluster } from '../../../src/controller/forming.ts'
import { QuorumMember } from '../../../src/controller/quorum-member.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import { writeBootstrap } from '../../../src/metadata/bootstrap.ts'
import { INITIAL_FEATURES } from '../../../src/metadata/features.ts'
import type { MetadataImage } from '../../../src/metadata/image.ts'
import { EMPTY_IMAGE, resourceKey } from '../../../src/metadata/image.ts'
import type { MetadataNode } from '../../../src/metadata/node.ts'
import { encodedImage } from '../../../src/metadata/snapshot-records.ts'
import { NodeSecurity } from '../../../src/security/listener-security.ts'
import { Failures, identify, lacksCluster, openDirectories } from '../../../src/node-directories.ts'
import { RequestMemory } from '../../../src/server/request-memory.ts'
import type { RaftTimeouts, Voter } from '../../../src/quorum/types.ts'
import { LISTENER, Member, ROOT, type MemberParts, type Running } from './member.ts'

const CLUSTER_ID = `${'c'.repeat(21)}A`
const CLIENT_METRICS = 16
const SET = 0
/** Of so many images one is held against those of other nodes. */
const COMPARED = 4

interface ControllerParts extends MemberParts {
  readonly timeouts: Pick<RaftTimeouts, 'electionTimeoutMs' | 'fetchTimeoutMs'>
  /** Of all nodes, where each is now. */
  readonly servers: () => readonly string[]
  /** 0 for never. */
  readonly maxIdleIntervalMs: number
}

interface Process extends Running {
  readonly metadata: MetadataNode
}

/** A controller as it ships, with its way to others over a network, and the metadata as what it follows. */
export class Controller extends Member<Process> {
  readonly joinsByItself = true
  readonly #parts: ControllerParts
  #joins = false

  constructor(parts: ControllerParts) {
    super(parts)
    this.#parts = parts
    this.format(parts.voters)
  }

  get state(): string {
    const image = this.running?.metadata.image
    return image === undefined ? `nothing at ${this.id}` : `${image.offset} ${digest(image)}`
  }

  /** A subscription to metrics is a change that needs no broker. */
  append(value: string): void {
    const { running, life } = this
    if (running === null || !running.metadata.isController) return
    const { metadata } = running
    const { history } = this.parts
    history.sent(value)
    const configs = [{ name: 'interval.ms', configOperation: SET, value: '1000' }]
    const resources = [{ resourceType: CLIENT_METRICS, resourceName: value, configs }]
    metadata.submit({ type: 'incrementalAlterConfigs', resources, validateOnly: false }).then(
      ([outcome]) => {
        if (life === this.life && outcome?.errorCode === 'NONE') history.acknowledged(value)
      },
      // Nobody knows whether it was written.
      () => undefined,
    )
  }

  /** Whether its metadata have all of these. */
  has(values: Iterable<string>): boolean {
    const configs = this.running?.metadata.image.configs
    return [...values].every((value) => configs?.get(resourceKey(CLIENT_METRICS, value)) != null)
  }

  get isJoining(): boolean {
    return this.#joins
  }

  /** It writes snapshots by itself. */
  writeSnapshot(): void {}

  /** The process begins anew, with the other setting. */
  setJoins(joins: boolean): void {
    if (this.#joins === joins) return
    this.#joins = joins
    this.#restart()
  }

  override move(port: number): void {
    super.move(port)
    this.#restart()
  }

  #restart(): void {
    if (!this.machine.isRunning) return
    this.kill()
    this.start()
  }

  protected async open(life: number, ifAlive: (error: unknown) => void): Promise<Process> {
    const { machine, history, isDynamic, voters } = this.parts
    const host = machine.start()
    const codecs = nodeCodecs()
    const { timeouts, servers, maxIdleIntervalMs } = this.#parts
    const settings = {
      'process.roles': 'controller',
      'node.id': this.id,
      'log.dirs': ROOT,
      listeners: `${LISTENER}://${machine.name}:${this.port}`,
      'controller.listener.names': LISTENER,
      'controller.quorum.election.timeout.ms': timeouts.electionTimeoutMs,
      'controller.quorum.fetch.timeout.ms': timeouts.fetchTimeoutMs,
      'metadata.max.idle.interval.ms': maxIdleIntervalMs,
      'metadata.log.max.record.bytes.between.snapshots': 2500,
      'metadata.max.retention.bytes': 6000,
      ...(isDynamic
        ? {
            'controller.quorum.bootstrap.servers': servers().join(),
            'controller.quorum.auto.join.enable': this.#joins,
          }
        : { 'controller.quorum.voters': voters!.map(named).join() }),
    }
    const own = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
    const config = new BrokerConfig({ set: own })
    const membership = quorumMembership(config, config.listeners, host.network.hostName)
    const security = await NodeSecurity.open(host, config)
    const { logFiles, controllerConnections } = openFilesOf(host, config.listeners)
    const memory = new RequestMemory(config.get('queued.max.request.bytes'))
    const share = { maxOpenFiles: logFiles, requestMemory: memory }
    const failures = new Failures()
    void failures.failed.then(ifAlive)
    const logs = openDirectories(host, codecs, config, share, failures)
    const maxSockets = controllerConnections
    const clusterId = lacksCluster(config, logs, membership)
      ? await findCluster({ host, config, membership, maxSockets, memory, security })
      : null
    const identity = identify(host, codecs, config, logs, membership, clusterId)
    history.cluster(this.id, identity.clusterId)
    const member = new QuorumMember({
      host,
      codecs,
      config,
      logs,
      identity,
      membership,
      incarnationId: `${`${this.id}-${life}-`.repeat(8).slice(0, 21)}A`,
      maxSockets,
      memory,
      security,
      fail: ifAlive,
    })
    const { metadata } = member
    metadata.onChange((_delta, image) => {
      if (life !== this.life || image.offset % COMPARED !== 0) return
      try {
        history.state(this.id, image.offset, digest(image))
      } catch (error) {
        ifAlive(error)
      }
    })
    await member.start()
    return {
      metadata,
      quorum: metadata.quorum!,
      close: async () => {
        await member.close()
        await logs.close(-1)
      },
    }
  }

  protected writeFormat(voters: readonly Voter[] | null): void {
    const { machine, isDynamic, formsItself } = this.parts
    if (formsItself) return
    const { disk } = machine
    const host = { disk, clock: { ...NO_CLOCK, now: () => 0 } }
    writeBootstrap(host, nodeCodecs(), ROOT, {
      kraftVersion: isDynamic ? 1 : 0,
      voters: isDynamic ? voters : null,
      features: INITIAL_FEATURES,
    })
    const { id, directoryId } = this.key
    const properties = `version=1\ncluster.id=${CLUSTER_ID}\nnode.id=${id}\ndirectory.id=${directoryId}\n`
    disk.replaceFile(`${ROOT}/meta.properties`, properties)
  }
}

const named = ({ id, endpoints: [at] }: Voter): string => `${id}@${at!.host}:${at!.port}`

/** What was made of a part of an image, which its later versions share. */
const encodedConfigs = new WeakMap<object, string>()
const digests = new WeakMap<MetadataImage, string>()

/** Of all that it says. Nearly all of that are settings, of which an image changes a few. */
function digest(image: MetadataImage): string {
  const known = digests.get(image)
  if (known !== undefined) return known
  const others = encodedImage({ ...image, configs: EMPTY_IMAGE.configs })
  const parts = Array.from(others, (record) => record.toString('latin1'))
  for (const key of image.configs.keys()) {
    const config = image.configs.get(key)!
    let encoded = encodedConfigs.get(config)
    if (encoded === undefined) {
      encoded = `${key}: ${JSON.stringify([...config].sort())}`
      encodedConfigs.set(config, encoded)
    }
    parts.push(encoded)
  }
  // In which order it is told is nobody's affair.
  const made = createHash('sha1').update(parts.sort().join()).digest('base64')
  digests.set(image, made)
  return made
}

const never = (): never => {
  throw new Error('Nothing waits while a disk is formatted')
}
const NO_CLOCK = { monotonic: never, after: never, endOfTurn: never, afterTask: never }
