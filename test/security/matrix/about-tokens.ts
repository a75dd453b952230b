import { CreateDelegationToken } from '../../../protocol/messages/create-delegation-token.ts'
import { DescribeDelegationToken } from '../../../protocol/messages/describe-delegation-token.ts'
import { ExpireDelegationToken } from '../../../protocol/messages/expire-delegation-token.ts'
import { RenewDelegationToken } from '../../../protocol/messages/renew-delegation-token.ts'
import type { ListenerKind } from '../../../protocol/schema.ts'
import { asks } from './request.ts'
import type { MatrixRequest } from './request.ts'

const user = (name: string) => ({ principalType: 'User', principalName: name })
const TEN_MINUTES_MS = 600_000n
/** Kafka's controller has no answer to DescribeDelegationToken but UNKNOWN_SERVER_ERROR; Ottla's has one. */
const atBrokers: ListenerKind[] = ['broker']
/** So no token is made of which it depends on the moment who sees it. Whether it may be made is judged before. */
const ofNoKnownType = { principalType: 'Group', principalName: 'all' }

/** Each of the principals has a token, and so has its holder; whoever else has one is somebody else. */
export const aboutTokens: readonly MatrixRequest[] = [
  asks(DescribeDelegationToken, 3, () => ({ owners: null }), { listeners: atBrokers }),
  asks(DescribeDelegationToken, 3, ({ holder }) => ({ owners: [user(holder)] }), {
    of: "of its holder's",
    listeners: atBrokers,
  }),
  asks(CreateDelegationToken, 3, () => ({
    ownerPrincipalType: null,
    ownerPrincipalName: null,
    renewers: [],
    maxLifetimeMs: -1n,
  })),
  asks(
    CreateDelegationToken,
    3,
    ({ holder }) => ({
      ownerPrincipalType: 'User',
      ownerPrincipalName: holder,
      renewers: [ofNoKnownType],
      maxLifetimeMs: -1n,
    }),
    { of: 'for its holder' },
  ),
  asks(RenewDelegationToken, 2, ({ token }) => ({ hmac: token, renewPeriodMs: -1n })),
  asks(
    RenewDelegationToken,
    2,
    ({ holdersToken }) => ({ hmac: holdersToken, renewPeriodMs: -1n }),
    { of: "of its holder's" },
  ),
  asks(ExpireDelegationToken, 2, ({ token }) => ({
    hmac: token,
    expiryTimePeriodMs: TEN_MINUTES_MS,
  })),
  asks(
    ExpireDelegationToken,
    2,
    ({ holdersToken }) => ({ hmac: holdersToken, expiryTimePeriodMs: -1n }),
    { of: "of its holder's" },
  ),
]
