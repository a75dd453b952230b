import { ACL_OPERATIONS, ACL_RESOURCE_TYPES } from '../../protocol/acls.ts'
import { seededRandom } from '../../src/host/sim/random.ts'
import type { Acl } from '../../src/metadata/acls.ts'
import { AclIndex } from '../../src/security/acl-index.ts'
import { ClientHost } from '../../src/security/acl-rules.ts'
import { Decisions } from '../../src/security/decisions.ts'
import { Prefixes } from '../../src/security/prefixes.ts'
import { acl } from './acls.ts'

const HOST = '10.1.2.3'
const ALICE = 'User:alice'

function indexOf(...acls: readonly Acl[]): AclIndex {
  const index = new AclIndex()
  acls.forEach((each, id) => index.set(String(id), each))
  return index
}

/** `READ TOPIC:orders`, asked by alice. */
function decision(index: AclIndex, question: string, host = HOST, principal = ALICE): string {
  const [operation, resource] = question.split(' ') as [string, string]
  const colon = resource.indexOf(':')
  const found = index.find(
    principal,
    new ClientHost(host),
    ACL_OPERATIONS.indexOf(operation as never),
    ACL_RESOURCE_TYPES.indexOf(resource.slice(0, colon) as never),
    resource.slice(colon + 1),
  )
  if (typeof found === 'string') return found
  return found.allows ? 'allowed' : 'denied'
}

describe('a resource', () => {
  test.each([
    ['ALLOW User:alice READ TOPIC:orders', 'READ TOPIC:orders', 'allowed'],
    ['ALLOW User:alice READ TOPIC:orders', 'READ TOPIC:orders2', 'no ACL'],
    ['ALLOW User:alice READ TOPIC:orders', 'READ GROUP:orders', 'no ACL'],
    ['ALLOW User:alice READ TOPIC:orders', 'WRITE TOPIC:orders', 'no rule'],
    ['ALLOW User:bob READ TOPIC:orders', 'READ TOPIC:orders', 'no rule'],
    ['ALLOW User:* READ TOPIC:orders', 'READ TOPIC:orders', 'allowed'],
    ['ALLOW Group:* READ TOPIC:orders', 'READ TOPIC:orders', 'no rule'],
    ['ALLOW User:alice READ TOPIC:ord...', 'READ TOPIC:orders', 'allowed'],
    ['ALLOW User:alice READ TOPIC:orders...', 'READ TOPIC:orders', 'allowed'],
    ['ALLOW User:alice READ TOPIC:orders-...', 'READ TOPIC:orders', 'no ACL'],
    ['ALLOW User:alice READ TOPIC:*', 'READ TOPIC:orders', 'allowed'],
    ['ALLOW User:alice READ TOPIC:*...', 'READ TOPIC:orders', 'no ACL'],
    ['ALLOW User:alice READ TOPIC:*', 'READ TOPIC:*', 'allowed'],
    ['ALLOW User:alice ALL TOPIC:orders', 'ALTER_CONFIGS TOPIC:orders', 'allowed'],
    ['DENY User:alice ALL TOPIC:orders', 'DESCRIBE TOPIC:orders', 'denied'],
    ['DENY User:* READ TOPIC:*', 'READ TOPIC:orders', 'denied'],
    ['DENY User:alice READ TOPIC:o...', 'READ TOPIC:orders', 'denied'],
  ])('%s: %s is %s', (rule, question, expected) => {
    expect(decision(indexOf(acl(rule)), question)).toBe(expected)
  })

  test.each(['READ', 'WRITE', 'DELETE', 'ALTER', 'DESCRIBE'])(
    'may be described by who may %s it; who may not do that may describe it all the same',
    (operation) => {
      const allowed = indexOf(acl(`ALLOW User:alice ${operation} TOPIC:t`))
      expect(decision(allowed, 'DESCRIBE TOPIC:t')).toBe('allowed')
      const denied = indexOf(acl(`DENY User:alice ${operation} TOPIC:t`))
      const expected = operation === 'DESCRIBE' ? 'denied' : 'no rule'
      expect(decision(denied, 'DESCRIBE TOPIC:t')).toBe(expected)
    },
  )

  test('is not described by who may create it or alter its settings, but its settings are', () => {
    const index = indexOf(
      acl('ALLOW User:alice CREATE TOPIC:t'),
      acl('ALLOW User:alice ALTER_CONFIGS TOPIC:t'),
    )
    expect(decision(index, 'DESCRIBE TOPIC:t')).toBe('no rule')
    expect(decision(index, 'DESCRIBE_CONFIGS TOPIC:t')).toBe('allowed')
  })

  test.each([
    ['ALLOW User:alice READ TOPIC:t', 'DENY User:alice READ TOPIC:*'],
    ['ALLOW User:alice READ TOPIC:*', 'DENY User:alice READ TOPIC:t'],
    ['ALLOW User:alice ALL TOPIC:t...', 'DENY User:* READ TOPIC:t'],
    ['ALLOW User:* READ TOPIC:t', 'DENY User:alice ALL TOPIC:t...'],
  ])('%s counts for nothing against %s', (allows, denies) => {
    const question = 'READ TOPIC:t'
    expect(decision(indexOf(acl(allows), acl(denies)), question)).toBe('denied')
    expect(decision(indexOf(acl(denies), acl(allows)), question)).toBe('denied')
  })

  test('is not opened by an operation of a later version', () => {
    const later: Acl = { ...acl('ALLOW User:alice READ TOPIC:t'), operation: 35 }
    expect(decision(indexOf(later), 'READ TOPIC:t')).toBe('no rule')
    const type: Acl = { ...acl('ALLOW User:alice READ TOPIC:t'), resourceType: 77 }
    const index = indexOf(type)
    expect([...index.acls()]).toEqual([type])
    index.set('0', undefined)
    expect([...index.acls()]).toEqual([])
  })
})

describe('a host', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.1.0.0/16', '10.1.2.3', true],
    ['10.2.0.0/16', '10.1.2.3', false],
    ['10.1.2.3', '::ffff:10.1.2.3', true],
    // As Java writes it, and as everybody else does.
    ['0:0:0:0:0:0:0:1', '::1', true],
    ['::1', '::1', true],
    ['fd00::/8', 'fd00::7', true],
    ['fd00::/8', '10.1.2.3', false],
    ['localhost', '127.0.0.1', false],
    ['localhost', 'localhost', true],
  ])('%s is where %s asks from: %s', (host, from, isMeant) => {
    const index = indexOf(acl('ALLOW User:alice READ TOPIC:t', host))
    expect(decision(index, 'READ TOPIC:t', from)).toBe(isMeant ? 'allowed' : 'no rule')
  })
})

describe('a principal', () => {
  test.each(['User:a:b', 'User:CN=a,OU=b', 'User:Zoë', 'User:', 'Group:alice', 'User:*'])(
    '%s is known by its whole name',
    (principal) => {
      const index = indexOf(acl(`ALLOW ${principal} READ TOPIC:t`))
      expect(decision(index, 'READ TOPIC:t', HOST, principal)).toBe('allowed')
      const others = decision(index, 'READ TOPIC:t', HOST, `${principal}x`)
      expect(others).toBe(principal === 'User:*' ? 'allowed' : 'no rule')
    },
  )
})

describe('what was decided', () => {
  const READ = ACL_OPERATIONS.indexOf('READ')
  const TOPIC = ACL_RESOURCE_TYPES.indexOf('TOPIC')

  test('is not searched for again until an ACL changes', () => {
    const index = indexOf(acl('ALLOW User:alice READ TOPIC:t...'))
    const search = jest.spyOn(Prefixes.prototype, 'some')
    const asks = (): string => decision(index, 'READ TOPIC:t1')
    expect([asks(), asks(), asks()]).toEqual(['allowed', 'allowed', 'allowed'])
    expect(search).toHaveBeenCalledTimes(1)
    index.set('0', undefined)
    expect([asks(), asks()]).toEqual(['no ACL', 'no ACL'])
    expect(search).toHaveBeenCalledTimes(2)
    search.mockRestore()
  })

  test('takes no more memory than some megabytes, whatever is asked for', () => {
    const decisions = new Decisions<number>()
    const isRemembered = (name: string): boolean =>
      decisions.of(ALICE, HOST, TOPIC, name)[READ] !== undefined
    const ask = (name: string): void => void (decisions.of(ALICE, HOST, TOPIC, name)[READ] = 1)
    for (let name = 1; name <= 10_000; name++) ask(String(name))
    expect(isRemembered('1')).toBe(true)
    ask('one more')
    expect([isRemembered('1'), isRemembered('one more')]).toEqual([false, true])
    ask('a'.repeat(250))
    expect(isRemembered('a'.repeat(250))).toBe(false)
  })
})

describe('any resource of a type', () => {
  const any = (...rules: string[]): boolean =>
    indexOf(...rules.map((rule) => acl(rule))).allowsAny(
      ALICE,
      new ClientHost(HOST),
      ACL_OPERATIONS.indexOf('WRITE'),
      ACL_RESOURCE_TYPES.indexOf('TOPIC'),
    )

  test.each<[boolean, ...string[]]>([
    [false],
    [true, 'ALLOW User:alice WRITE TOPIC:a'],
    [true, 'ALLOW User:* ALL TOPIC:a...'],
    [false, 'ALLOW User:bob WRITE TOPIC:a'],
    [false, 'ALLOW User:alice READ TOPIC:a'],
    [false, 'ALLOW User:alice WRITE GROUP:a'],
    [false, 'ALLOW User:alice WRITE TOPIC:a', 'DENY User:* WRITE TOPIC:a'],
    [true, 'ALLOW User:alice WRITE TOPIC:a...', 'DENY User:* WRITE TOPIC:a'],
    [false, 'ALLOW User:alice WRITE TOPIC:ab', 'DENY User:* WRITE TOPIC:a...'],
    [false, 'ALLOW User:alice WRITE TOPIC:ab...', 'DENY User:alice ALL TOPIC:ab...'],
    [true, 'ALLOW User:alice WRITE TOPIC:a...', 'DENY User:* WRITE TOPIC:ab...'],
    [false, 'ALLOW User:alice WRITE TOPIC:*', 'DENY User:* WRITE TOPIC:*'],
    [true, 'ALLOW User:alice WRITE TOPIC:*', 'DENY User:* WRITE TOPIC:a...'],
  ])('is allowed: %s by %s %s', (isAllowed, ...rules) => {
    expect(any(...rules.filter((rule) => rule !== undefined))).toBe(isAllowed)
  })
})

describe('thousands of ACLs that come and go', () => {
  const SEED = 7
  const names = ['', 'a', 'b', 'ab', 'ba', 'aa', 'aab', 'abc', 'abcd', 'b-1', 'b-12', '*']
  const pick = <T>(random: { below(n: number): number }, from: readonly T[]): T =>
    from[random.below(from.length)]!

  test(`decide as a look at each of them does (seed ${SEED})`, () => {
    const random = seededRandom(SEED)
    const index = new AclIndex()
    const kept = new Map<string, Acl>()
    for (let step = 0; step < 6000; step++) {
      // Many questions find the ACLs as the one before did.
      if (random.below(3) === 0) change()
      const operation = pick(random, ['READ', 'WRITE', 'DESCRIBE'])
      const name = `x${pick(random, names)}${pick(random, ['', 'z'])}`
      const type = pick(random, ['TOPIC', 'GROUP'])
      const host = pick(random, [HOST, '10.9.9.9'])
      const principal = pick(random, [ALICE, 'User:bob'])
      const asked = decision(index, `${operation} ${type}:${name}`, host, principal)
      const all = [...kept.values()]
      expect([step, asked]).toEqual([step, naive(all, { operation, type, name, host, principal })])
    }

    function change(): void {
      const id = String(random.below(40))
      const isGone = random.below(3) === 0
      const made = acl(
        `${pick(random, ['ALLOW', 'ALLOW', 'DENY'])} ${pick(random, ['User:alice', 'User:bob', 'User:*'])} ${pick(random, ['READ', 'WRITE', 'ALL', 'DESCRIBE'])} ${pick(random, ['TOPIC', 'GROUP'])}:x${pick(random, names)}${pick(random, ['', '...'])}`,
        pick(random, ['*', '10.1.0.0/16', HOST, '10.9.9.9']),
      )
      index.set(id, isGone ? undefined : made)
      if (isGone) kept.delete(id)
      else kept.set(id, made)
    }
  })

  interface Asked {
    readonly operation: string
    readonly type: string
    readonly name: string
    readonly host: string
    readonly principal: string
  }

  /** By the words of Kafka's documents. */
  function naive(acls: readonly Acl[], asked: Asked): string {
    const { operation, type, name, host: from } = asked
    const onIt = acls
      .filter(({ resourceType }) => resourceType === ACL_RESOURCE_TYPES.indexOf(type as never))
      .filter(({ patternType, resourceName }) =>
        patternType === 4
          ? name.startsWith(resourceName)
          : resourceName === name || resourceName === '*',
      )
    if (onIt.length === 0) return 'no ACL'
    const mine = onIt.filter(
      ({ principal, host }) =>
        [asked.principal, 'User:*'].includes(principal) &&
        ['*', from, ...(from === HOST ? ['10.1.0.0/16'] : [])].includes(host),
    )
    const number = ACL_OPERATIONS.indexOf(operation as never)
    const isAbout = (acl: Acl): boolean => acl.operation === 2 || acl.operation === number
    if (mine.some((acl) => acl.permissionType === 2 && isAbout(acl))) return 'denied'
    const implies = (acl: Acl): boolean =>
      operation === 'DESCRIBE' && [3, 4].includes(acl.operation)
    return mine.some((acl) => acl.permissionType === 3 && (isAbout(acl) || implies(acl)))
      ? 'allowed'
      : 'no rule'
  }
})
