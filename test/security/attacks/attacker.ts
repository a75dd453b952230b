import type net from 'node:net'
import { SaslAuthenticate } from '../../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../protocol/messages/sasl-handshake.ts'
import { setBatchCrc } from '../../../protocol/records/header.ts'
import { plainToken } from '../../../src/security/sasl/plain.ts'
import { Corruption } from '../../support/corruption.ts'
import type { Known } from '../../support/dearest-request.ts'
import { encodeRequest } from '../../support/raw-client.ts'
import { codecs } from '../../system/load.ts'
import {
  clientHello,
  connectInTheClear,
  connectTo,
  logInFrames,
  PASSWORD,
  USERS,
  type AttackedListener,
} from './listeners.ts'
import { produced, validBatches, ValidFrames } from './valid-frames.ts'

/** Connects to one listener again and again, and says there what follows from a seed. */
export class Attacker {
  /** How many frames, or pieces of none, were sent. */
  frames = 0
  readonly #listener: AttackedListener
  readonly #known: Known
  readonly #corruption: Corruption
  readonly #valid: ValidFrames

  constructor(listener: AttackedListener, known: Known, seed: number) {
    this.#listener = listener
    this.#known = known
    this.#corruption = new Corruption(seed)
    this.#valid = new ValidFrames(listener.kind, known)
  }

  /** Attacks once; the connection is open still, unless the broker has closed it. */
  async attack(): Promise<net.Socket> {
    const { hasTls, hasSasl } = this.#listener
    const { random } = this.#corruption
    const isUnderTls = hasTls && random(4) === 0
    // What is to be said is settled before, so that it follows from the seed and not from the order of events.
    const bytes = isUnderTls ? this.#handshake() : hasSasl ? this.#withSasl() : this.#requests()
    const leaves = random(3) === 0
    const socket = await (isUnderTls
      ? connectInTheClear(this.#listener)
      : connectTo(this.#listener))
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()))
    if (leaves) socket.end()
    return socket
  }

  /** Of TLS, before there is any. */
  #handshake(): Buffer {
    const { random } = this.#corruption
    this.frames += 1
    const hello = clientHello()
    if (random(4) === 0) return this.#corruption.noise(1 + random(500))
    const [, corrupt] = this.#corruption.choose()
    return corrupt(hello)
  }

  #withSasl(): Buffer {
    const { random } = this.#corruption
    const user = this.#listener.kind === 'controller' ? USERS.node : USERS.client
    switch (random(4)) {
      case 0:
        return this.#requests()
      case 1:
        return Buffer.concat([this.#tokens(), this.#requests()])
      default:
        return Buffer.concat([...logInFrames(user).map(framed), this.#requests()])
    }
  }

  /** An exchange of SASL, in which what is said is nearly right, or not at all. */
  #tokens(): Buffer {
    const { random, pick } = this.#corruption
    const [mechanism, token] = pick([
      ['PLAIN', plainToken(USERS.client, PASSWORD)],
      ['SCRAM-SHA-256', Buffer.from('n,,n=alice,r=fyko+d2lbbFgONRv9qkxdawL')],
      ['SCRAM-SHA-512', Buffer.from('n,a=bob,n=a=2Cb=3Dc,r=nonce')],
    ] as const)
    const version = random(2)
    const handshake = encodeRequest(SaslHandshake, version, { mechanism })
    const frames = [random(4) === 0 ? this.#corrupt(handshake) : framed(handshake)]
    for (let count = 1 + random(3); count > 0; count--) {
      const authBytes = random(3) === 0 ? token : this.#corruption.choose()[1](token)
      const request = encodeRequest(SaslAuthenticate, random(3), { authBytes })
      if (version === 0) frames.push(framed(authBytes))
      else frames.push(random(3) === 0 ? this.#corrupt(request) : framed(request))
    }
    this.frames += frames.length
    return Buffer.concat(frames)
  }

  #requests(): Buffer {
    const pieces: Buffer[] = []
    for (let count = 1 + this.#corruption.random(4); count > 0; count--) pieces.push(this.#piece())
    this.frames += pieces.length
    return Buffer.concat(pieces)
  }

  #piece(): Buffer {
    const { random, noise } = this.#corruption
    switch (random(10)) {
      case 0:
        return noise(1 + random(300))
      case 1:
        return framed(noise(random(300)))
      case 2:
        return framed(Buffer.concat([this.#valid.pickHeader(this.#corruption), noise(random(200))]))
      case 3:
        return framed(this.#valid.pick(this.#corruption))
      case 4:
        return framed(produced(3 + random(11), this.#known, this.#batch()))
      default:
        return this.#corrupt(this.#valid.pick(this.#corruption))
    }
  }

  /** Its length is what it has become, the one it had, or neither. */
  #corrupt(frame: Buffer): Buffer {
    const { random } = this.#corruption
    const [, corrupt] = this.#corruption.choose()
    const bytes = corrupt(frame)
    const length = Buffer.alloc(4)
    length.writeInt32BE(random(8) === 0 ? frame.length : bytes.length)
    if (random(16) === 0) this.#corruption.length().copy(length)
    return Buffer.concat([length, bytes])
  }

  /** Records that are no good under a checksum that is. */
  #batch(): Buffer {
    const [, corrupt] = this.#corruption.choose()
    const batch = Buffer.from(corrupt(this.#corruption.pick(validBatches)))
    if (batch.length >= LEAST_BATCH) {
      batch.writeInt32BE(batch.length - BEFORE_LENGTH, 8)
      batch[MAGIC_AT] = 2
      setBatchCrc(batch, 0, codecs.crc32c)
    }
    return batch
  }
}

/** The header of a batch; what is not counted in its length; and where its magic stands. */
const LEAST_BATCH = 61
const BEFORE_LENGTH = 12
const MAGIC_AT = 16

function framed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.length)
  return Buffer.concat([length, frame])
}
