import { handlers, handlersOn } from '../../src/handlers/index.ts'
import { readApis } from '../protocol/oracle.ts'

const apache = new Map(readApis().map((api) => [api.apiKey, api]))
const names = (kept: typeof handlers): string[] => kept.map(({ api }) => api.name).sort()

describe('where APIs are served, as Apache Kafka has it', () => {
  test('each on listeners of a kind on which Apache Kafka serves it', () => {
    const elsewhere = handlers.filter(({ api, listeners }) => {
      const { listeners: theirs } = apache.get(api.key)!
      return !listeners.every((kind) => theirs.includes(kind))
    })
    expect(names(elsewhere)).toEqual([])
  })

  test('on those of brokers all that Apache Kafka serves there', () => {
    const theirs = handlers.filter(({ api }) => apache.get(api.key)!.listeners.includes('broker'))
    expect(names(handlersOn('broker'))).toEqual([...new Set(names(theirs))])
  })

  test('on those of controllers what they answer, what is about them, and the quorum’s own', () => {
    const answered = handlers.filter(({ at }) => at !== 'broker')
    const raft = [
      'BeginQuorumEpoch',
      'EndQuorumEpoch',
      'Fetch',
      'FetchSnapshot',
      'UpdateRaftVoter',
      'Vote',
    ]
    const both = [
      'ApiVersions',
      'DescribeAcls',
      'DescribeCluster',
      'DescribeConfigs',
      'DescribeDelegationToken',
      'SaslAuthenticate',
      'SaslHandshake',
    ]
    // Whose connection it came by counts: only the controller that is asked can answer.
    const heard = ['BrokerHeartbeat']
    const all = [...names(answered), ...raft, ...both, ...heard]
    expect(names(handlersOn('controller'))).toEqual(all.sort())
  })

  test('the controller answers what Apache’s brokers forward to it', () => {
    // AllocateProducerIds is no client's to ask for.
    const forwarded = handlersOn('broker').filter(({ api }) => apache.get(api.key)!.forwardable)
    const answered = handlersOn('broker').filter(({ at }) => at !== 'broker')
    expect(names(answered)).toEqual(names(forwarded))
  })
})
