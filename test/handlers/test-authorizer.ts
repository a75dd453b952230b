import type { Acl } from '../../src/metadata/acls.ts'
import type {
  AclOperation,
  AclResource,
  Authorizer,
  Question,
} from '../../src/security/authorizer.ts'
import { TestNode } from './test-node.ts'

type Allows = (operation: AclOperation, type: AclResource['type'], name: string | null) => boolean

/** Allows what a test says, and remembers what it was asked. */
export class TestAuthorizer implements Authorizer {
  allows: Allows = () => false
  rules: readonly Acl[] = []
  readonly asked: { principal: object; host: string; question: string }[] = []

  authorize({ principal, host, operation, resource: { type, name } }: Question): boolean {
    this.asked.push({ principal, host, question: `${operation} ${type} ${name ?? '(any)'}` })
    return this.allows(operation, type, name)
  }

  acls(): Iterable<Acl> {
    return this.rules
  }

  /** What it was asked since the last time, each question once, without the name of the resource. */
  takeOperations(): string[] {
    const asked = this.asked
      .splice(0)
      .map(({ question }) => question.split(' ').slice(0, 2).join(' '))
    return [...new Set(asked)]
  }
}

export const TOPIC_ID = 'BBBBBBBBBBBBBBBBBBBBBA'

/** A node with the topic `t` and with groups, and who decides what may be done: nothing at first. */
export async function guardedNode(): Promise<{ node: TestNode; authorizer: TestAuthorizer }> {
  const authorizer = new TestAuthorizer()
  const settings = {
    'group.initial.rebalance.delay.ms': '0',
    'delegation.token.secret.key': 'the secret of all tokens',
  }
  const node = new TestNode(settings, undefined, authorizer)
  await node.addTopic('t', { id: TOPIC_ID })
  await node.addGroups()
  authorizer.asked.length = 0
  return { node, authorizer }
}
