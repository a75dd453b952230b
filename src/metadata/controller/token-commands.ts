import type { ErrorName } from '../../../protocol/errors.ts'
import type { MetadataFact } from '../facts.ts'
import { METADATA_VERSION } from '../features.ts'
import { isTokenOver, tokenRecordOf, tokenRecords, type TokenRecord } from '../tokens.ts'
import type { ControllerCommands, CreatedToken, TokenOutcome } from './commands.ts'
import type { Decided, DecidedWithAlarms } from './outcome.ts'
import type { ControllerView } from './view.ts'

/** The alarm by which tokens are removed that are over. */
export const TOKENS_ALARM = 'expired tokens'

/** 3.6-IV2. */
const FIRST_VERSION_WITH_TOKENS = 14
const ERROR_TIMESTAMP = 0

type Timing = Pick<ControllerView, 'now' | 'tokens'>

/** When that is; never where there are no tokens. */
export function tokensAlarm({ now, tokens }: Timing): { name: string; at: number }[] {
  return tokens === null ? [] : [{ name: TOKENS_ALARM, at: now + tokens.checkIntervalMs }]
}

export function removeExpiredTokens(view: ControllerView): DecidedWithAlarms<null> {
  const facts: MetadataFact[] = []
  for (const token of tokenRecords(view.image)) {
    if (isTokenOver(token, view.wallNow)) facts.push(removal(token))
  }
  return { facts, alarms: tokensAlarm(view), reply: null }
}

/** [KIP-48] CreateDelegationToken: a token that its bearer is the owner by, for a while. */
export function createDelegationToken(
  view: ControllerView,
  {
    owner,
    requester,
    renewers,
    maxLifetimeMs,
  }: ControllerCommands['createDelegationToken']['command'],
): Decided<CreatedToken> {
  const { tokens, wallNow } = view
  const problem = problemOf(view)
  if (tokens === null || problem !== null) {
    return { facts: [], reply: { errorCode: problem ?? DISABLED, token: null } }
  }
  const lifetimeMs =
    maxLifetimeMs > 0 ? Math.min(tokens.maxLifetimeMs, maxLifetimeMs) : tokens.maxLifetimeMs
  const maxTimestamp = after(wallNow, lifetimeMs)
  const token: TokenRecord = {
    owner,
    requester,
    renewers: [...renewers],
    issueTimestamp: wallNow,
    maxTimestamp,
    expirationTimestamp: Math.min(maxTimestamp, after(wallNow, tokens.expiryTimeMs)),
    tokenId: view.newId(),
  }
  return { facts: [factOf(token)], reply: { errorCode: 'NONE', token } }
}

/** [KIP-48] RenewDelegationToken: by its owner or a renewer, up to its longest life. */
export function renewDelegationToken(
  view: ControllerView,
  { tokenId, requester, periodMs }: ControllerCommands['renewDelegationToken']['command'],
): Decided<TokenOutcome> {
  const { tokens, wallNow } = view
  const token = tokenOf(view, tokenId)
  if (tokens === null || typeof token === 'string') return refused(token as ErrorName)
  if (isTokenOver(token, wallNow)) return refused('DELEGATION_TOKEN_EXPIRED')
  if (!mayRenew(token, requester)) return refused('DELEGATION_TOKEN_OWNER_MISMATCH')
  const wanted = periodMs > 0 ? Math.min(tokens.expiryTimeMs, periodMs) : tokens.expiryTimeMs
  return until(token, Math.min(token.maxTimestamp, after(wallNow, wanted)))
}

/** [KIP-48] ExpireDelegationToken: by its owner or a renewer; at once, or at a time. */
export function expireDelegationToken(
  view: ControllerView,
  { tokenId, requester, periodMs }: ControllerCommands['expireDelegationToken']['command'],
): Decided<TokenOutcome> {
  const { wallNow } = view
  const token = tokenOf(view, tokenId)
  if (typeof token === 'string') return refused(token)
  if (!mayRenew(token, requester)) return refused('DELEGATION_TOKEN_OWNER_MISMATCH')
  if (periodMs < 0) {
    return { facts: [removal(token)], reply: { errorCode: 'NONE', expiryTimestampMs: wallNow } }
  }
  if (isTokenOver(token, wallNow)) return refused('DELEGATION_TOKEN_EXPIRED')
  return until(token, Math.min(token.maxTimestamp, after(wallNow, periodMs)))
}

const DISABLED: ErrorName = 'DELEGATION_TOKEN_AUTH_DISABLED'

function problemOf({ tokens, image }: ControllerView): ErrorName | null {
  if (tokens === null) return DISABLED
  const version = image.features.get(METADATA_VERSION) ?? 0
  return version < FIRST_VERSION_WITH_TOKENS ? 'UNSUPPORTED_VERSION' : null
}

function tokenOf(view: ControllerView, tokenId: string | null): TokenRecord | ErrorName {
  const problem = problemOf(view)
  if (problem !== null) return problem
  const token = tokenId === null ? null : tokenRecordOf(view.image, tokenId)
  return token ?? 'DELEGATION_TOKEN_NOT_FOUND'
}

const mayRenew = ({ owner, renewers }: TokenRecord, requester: string): boolean =>
  owner === requester || renewers.includes(requester)

const after = (nowMs: number, durationMs: number): number =>
  Math.min(Number.MAX_SAFE_INTEGER, nowMs + durationMs)

function until(token: TokenRecord, expirationTimestamp: number): Decided<TokenOutcome> {
  return {
    facts: [factOf({ ...token, expirationTimestamp })],
    reply: { errorCode: 'NONE', expiryTimestampMs: expirationTimestamp },
  }
}

const refused = (errorCode: ErrorName): Decided<TokenOutcome> => ({
  facts: [],
  reply: { errorCode, expiryTimestampMs: ERROR_TIMESTAMP },
})

const factOf = (value: TokenRecord): MetadataFact => ({
  type: 'DelegationTokenRecord',
  version: 0,
  value,
})

const removal = ({ tokenId }: TokenRecord): MetadataFact => ({
  type: 'RemoveDelegationTokenRecord',
  version: 0,
  value: { tokenId },
})
