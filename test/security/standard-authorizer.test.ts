import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { Acl } from '../../src/metadata/acls.ts'
import { aclFact, removeAclFact } from '../../src/metadata/facts.ts'
import { ImageBuilder } from '../../src/metadata/image-builder.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import { AuditLog } from '../../src/security/audit-log.ts'
import type { Question } from '../../src/security/authorizer.ts'
import { StandardAuthorizer } from '../../src/security/standard-authorizer.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import { acl } from './acls.ts'

interface Line {
  readonly level: string
  readonly fields: object
  readonly message: string
}

function authorizerWith({
  superUsers = [] as string[],
  allowsWithoutAcl = false,
  acls = [] as Acl[] | null,
}) {
  const lines: Line[] = []
  const line = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  const logger = { ...log, child: () => logger } as never
  const audit = new AuditLog(logger, new SkippingClock())
  const authorizer = new StandardAuthorizer(
    { superUsers: new Set(superUsers), allowsWithoutAcl },
    audit,
  )
  if (acls !== null) {
    authorizer.load(imageAfter(acls.map((each, index) => aclFact(idOf(index), each))).image)
  }
  return { authorizer, lines }
}

const idOf = (index: number): string => `${String(index).padStart(21, 'a')}Q`

function imageAfter(facts: readonly MetadataRecord[], base = EMPTY_IMAGE) {
  const builder = new ImageBuilder(base)
  for (const fact of facts) builder.apply(fact)
  return builder.build(1, 1)
}

const question = (parts: Partial<Question> & { name?: string | null } = {}): Question => ({
  principal: { type: 'User', name: 'alice' },
  host: '10.1.2.3',
  operation: 'WRITE',
  resource: { type: 'TOPIC', name: parts.name === undefined ? 'orders' : parts.name },
  api: 'Produce',
  isQuiet: false,
  ...parts,
})

test('a super user may do everything, even before the ACLs are known, and against them', () => {
  const superUsers = ['User:alice']
  const denied = [acl('DENY User:alice ALL TOPIC:orders')]
  expect(authorizerWith({ superUsers, acls: denied }).authorizer.authorize(question())).toBe(true)
  const { authorizer } = authorizerWith({ superUsers, acls: null })
  expect(authorizer.authorize(question())).toBe(true)
  expect(authorizer.authorize(question({ name: null }))).toBe(true)
  const principal = { type: 'Group', name: 'alice' }
  expect(() => authorizer.authorize(question({ principal }))).toThrow('The ACLs are not known yet')
})

test('each principal and each host has rules of its own', () => {
  const { authorizer } = authorizerWith({
    acls: [acl('ALLOW User:alice WRITE TOPIC:orders', '10.1.2.3')],
  })
  expect(authorizer.authorize(question())).toBe(true)
  const bob = { type: 'User', name: 'bob' }
  expect(authorizer.authorize(question({ principal: bob }))).toBe(false)
  expect(authorizer.authorize(question())).toBe(true)
  expect(authorizer.authorize(question({ host: '10.1.2.4' }))).toBe(false)
})

test('what no ACL is about is allowed to nobody, or to everybody where that is set', () => {
  for (const allowsWithoutAcl of [false, true]) {
    const { authorizer } = authorizerWith({
      allowsWithoutAcl,
      acls: [acl('ALLOW User:bob READ TOPIC:theirs')],
    })
    expect(authorizer.authorize(question())).toBe(allowsWithoutAcl)
    expect(authorizer.authorize(question({ name: null }))).toBe(allowsWithoutAcl)
    expect(authorizer.authorize(question({ name: 'theirs' }))).toBe(false)
  }
})

test('whether there is any resource that it may do something to is told (KIP-679)', () => {
  const { authorizer } = authorizerWith({ acls: [acl('ALLOW User:alice WRITE TOPIC:mine')] })
  expect(authorizer.authorize(question({ name: null }))).toBe(true)
  expect(authorizer.authorize(question({ name: null, operation: 'READ' }))).toBe(false)
})

test('what changes in the metadata counts from then on', () => {
  const { authorizer } = authorizerWith({})
  const added = imageAfter([aclFact(idOf(1), acl('ALLOW User:alice WRITE TOPIC:orders'))])
  expect(authorizer.authorize(question())).toBe(false)
  authorizer.follow({ changedAcls: [...added.touched.acls] }, added.image)
  expect(authorizer.authorize(question())).toBe(true)
  expect([...authorizer.acls()]).toMatchObject([{ principal: 'User:alice', operation: 4 }])
  const removed = imageAfter([removeAclFact(idOf(1))], added.image)
  authorizer.follow({ changedAcls: [...removed.touched.acls] }, removed.image)
  expect(authorizer.authorize(question())).toBe(false)
})

describe('the audit log', () => {
  test('has a line for each refusal, with all that was asked', () => {
    const { authorizer, lines } = authorizerWith({
      acls: [acl('DENY User:* WRITE TOPIC:ord...')],
    })
    authorizer.authorize(question())
    authorizer.authorize(question({ name: null }))
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'Refused',
        fields: {
          principal: 'User:alice',
          operation: 'WRITE',
          host: '10.1.2.3',
          resource: 'TOPIC:orders',
          api: 'Produce',
          rule: 'DENY User:* from * WRITE on PREFIXED:ord',
        },
      },
      expect.objectContaining({ level: 'info' }),
    ])
    expect(lines[1]!.fields).toMatchObject({ resource: 'TOPIC:(any)', rule: 'no rule' })
  })

  test('says nothing where nothing is refused, and of what is allowed now and then', () => {
    const { authorizer, lines } = authorizerWith({
      acls: [acl('ALLOW User:alice WRITE TOPIC:orders')],
    })
    authorizer.authorize(question({ name: 'other', isQuiet: true }))
    for (let time = 0; time < 1001; time++) authorizer.authorize(question())
    expect(lines).toMatchObject([
      { level: 'debug', message: 'Allowed', fields: { resource: 'TOPIC:orders' } },
      { level: 'debug', message: 'Allowed' },
    ])
  })

  test('is not filled by one who is refused without end: the rest is counted', () => {
    const { authorizer, lines } = authorizerWith({})
    for (let time = 0; time < 1500; time++) authorizer.authorize(question())
    expect(lines).toHaveLength(1000)
    authorizer.close()
    expect(lines.at(-1)).toMatchObject({ level: 'warn', fields: { leftOut: 500 } })
  })
})
