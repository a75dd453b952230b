import {
  createDelegationToken,
  expireDelegationToken,
  removeExpiredTokens,
  renewDelegationToken,
} from '../../../src/metadata/controller/token-commands.ts'
import type { ControllerView } from '../../../src/metadata/controller/view.ts'
import type { MetadataFact } from '../../../src/metadata/facts.ts'
import { ImageBuilder } from '../../../src/metadata/image-builder.ts'
import { EMPTY_IMAGE, type MetadataImage } from '../../../src/metadata/image.ts'
import { encodedImage } from '../../../src/metadata/snapshot-records.ts'
import { tokenRecordOf, tokenRecords } from '../../../src/metadata/tokens.ts'
import { decodeMetadataRecord } from '../../../protocol/state/metadata-records.ts'

const ALICE = 'User:alice'
const asked = { owner: ALICE, requester: ALICE, renewers: ['User:bob'], maxLifetimeMs: -1 }

/** A controller's view at some time, of which the facts are applied. */
class Tokens {
  image: MetadataImage = { ...EMPTY_IMAGE, features: new Map([['metadata.version', 33]]) }
  settings: ControllerView['tokens'] = {
    maxLifetimeMs: 1000,
    expiryTimeMs: 100,
    checkIntervalMs: 50,
  }
  wallNow = 5000
  #made = 0

  get view(): ControllerView {
    const { image, wallNow, settings: tokens } = this
    return { image, wallNow, now: 7, tokens, newId: () => `id${++this.#made}` } as ControllerView
  }

  decided<Reply>({ facts, reply }: { facts: unknown[]; reply: Reply }): Reply {
    const builder = new ImageBuilder(this.image)
    for (const fact of facts as MetadataFact[]) builder.apply(fact)
    this.image = builder.build(1, 1).image
    return reply
  }

  create = (changes: Partial<typeof asked> = {}) =>
    this.decided(createDelegationToken(this.view, { ...asked, ...changes }))
  renew = (tokenId: string | null, periodMs: number, requester = ALICE) =>
    this.decided(renewDelegationToken(this.view, { tokenId, periodMs, requester }))
  expire = (tokenId: string | null, periodMs: number, requester = ALICE) =>
    this.decided(expireDelegationToken(this.view, { tokenId, periodMs, requester }))
}

describe('a delegation token', () => {
  test('is good for a while, and may be renewed up to its longest life', () => {
    const tokens = new Tokens()
    expect(tokens.create().token).toMatchObject({
      tokenId: 'id1',
      issueTimestamp: 5000,
      expirationTimestamp: 5100,
      maxTimestamp: 6000,
    })
    tokens.wallNow = 5090
    expect(tokens.renew('id1', -1)).toEqual({ errorCode: 'NONE', expiryTimestampMs: 5190 })
    expect(tokens.renew('id1', 20, 'User:bob').expiryTimestampMs).toBe(5110)
    expect(tokens.renew('id1', 5000).expiryTimestampMs).toBe(5190)
    for (let now = 5190; now < 6000; now += 90) {
      tokens.wallNow = now
      tokens.renew('id1', -1)
    }
    expect(tokenRecordOf(tokens.image, 'id1')!.expirationTimestamp).toBe(6000)
    tokens.wallNow = 6001
    expect(tokens.renew('id1', -1).errorCode).toBe('DELEGATION_TOKEN_EXPIRED')
  })

  test('lives no longer than was asked for, nor than the cluster allows', () => {
    const tokens = new Tokens()
    expect(tokens.create({ maxLifetimeMs: 30 }).token).toMatchObject({
      expirationTimestamp: 5030,
      maxTimestamp: 5030,
    })
    expect(tokens.create({ maxLifetimeMs: 9999 }).token!.maxTimestamp).toBe(6000)
  })

  test('is over at once, or sooner', () => {
    const tokens = new Tokens()
    tokens.create()
    expect(tokens.expire('id1', 10, 'User:bob').expiryTimestampMs).toBe(5010)
    expect(tokens.expire('id1', 9999).expiryTimestampMs).toBe(6000)
    expect(tokens.expire('id1', -1).expiryTimestampMs).toBe(5000)
    expect(tokens.expire('id1', -1).errorCode).toBe('DELEGATION_TOKEN_NOT_FOUND')
  })

  test('is changed by nobody but its owner and its renewers', () => {
    const tokens = new Tokens()
    tokens.create()
    for (const period of [-1, 5]) {
      const mismatch = 'DELEGATION_TOKEN_OWNER_MISMATCH'
      expect(tokens.renew('id1', period, 'User:mallory').errorCode).toBe(mismatch)
      expect(tokens.expire('id1', period, 'User:mallory').errorCode).toBe(mismatch)
    }
    expect(tokens.renew(null, -1).errorCode).toBe('DELEGATION_TOKEN_NOT_FOUND')
  })

  test('is removed some time after it is over', () => {
    const tokens = new Tokens()
    tokens.create()
    tokens.create({ maxLifetimeMs: 30 })
    tokens.wallNow = 5031
    expect(tokens.expire('id2', 5).errorCode).toBe('DELEGATION_TOKEN_EXPIRED')
    const swept = removeExpiredTokens(tokens.view)
    expect(swept.alarms).toEqual([{ name: 'expired tokens', at: 57 }])
    tokens.decided(swept)
    expect([...tokenRecords(tokens.image)].map(({ tokenId }) => tokenId)).toEqual(['id1'])
  })

  test('is part of snapshots', () => {
    const tokens = new Tokens()
    tokens.create()
    const builder = new ImageBuilder(EMPTY_IMAGE)
    for (const record of encodedImage(tokens.image)) builder.apply(decodeMetadataRecord(record))
    const { image } = builder.build(1, 1)
    expect([...tokenRecords(image)]).toEqual([...tokenRecords(tokens.image)])
  })

  test('is not there without a secret, nor in clusters of old', () => {
    const tokens = new Tokens()
    tokens.create()
    tokens.settings = null
    for (const { errorCode } of [
      tokens.create(),
      tokens.renew('id1', 1),
      tokens.expire('id1', 1),
    ]) {
      expect(errorCode).toBe('DELEGATION_TOKEN_AUTH_DISABLED')
    }
    const old = new Tokens()
    old.image = { ...EMPTY_IMAGE, features: new Map([['metadata.version', 13]]) }
    for (const { errorCode } of [old.create(), old.renew('id1', 1), old.expire('id1', 1)]) {
      expect(errorCode).toBe('UNSUPPORTED_VERSION')
    }
  })
})
