import { CreateAcls } from '../../../protocol/messages/create-acls.ts'
import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { Envelope } from '../../../protocol/messages/envelope.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../../src/index.ts'
import { encodePrincipal } from '../../../src/security/principal-data.ts'
import { eventually } from '../../clients/wait.ts'
import { freePorts } from '../../support/ports.ts'
import { encodeRequest, type RawClient } from '../../support/raw-client.ts'
import { temporaryDirectories } from '../../support/temporary.ts'
import { acl } from '../acls.ts'
import { attackedListeners, clientOf, settingsOf, USERS } from './listeners.ts'

const directories = temporaryDirectories()
const lines: string[] = []
const host = nodeHost({
  log: { level: 'info', destination: { write: (line: string) => void lines.push(line) } },
})
const listeners = attackedListeners(await freePorts(5))
let broker: RunningBroker
beforeAll(async () => {
  const settings = settingsOf(listeners)
  broker = await startBroker({ host, directory: directories.make(), settings })
})
afterAll(async () => {
  await broker?.close()
  await host.workers.close()
  directories.removeAll()
})

const at = (name: string) => listeners.find((listener) => listener.name === name)!

/** A request that makes a topic, in the name of the administrator. */
function forged(topic: string) {
  const topics = [
    { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] },
  ]
  return {
    requestData: encodeRequest(CreateTopics, 7, { topics }),
    requestPrincipal: encodePrincipal({ type: 'User', name: USERS.admin }),
    clientHostAddress: Buffer.from([127, 0, 0, 1]),
  }
}

async function topicsThereAre(): Promise<(string | null)[]> {
  const admin = await clientOf(at('SASL_PLAINTEXT'))
  const { topics } = await admin.request(Metadata, 12, { topics: null })
  admin.destroy()
  return topics.map(({ name }) => name)
}

test.each(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'])(
  'a client of %s that says it speaks for the administrator loses its connection',
  async (name) => {
    const client = await clientOf(at(name), USERS.client)
    client.send(Envelope, 0, forged(`by-${name}`))
    expect(await client.nextFrame()).toBeNull()
    expect(await topicsThereAre()).not.toContain(`by-${name}`)
  },
)

test('on a controller’s listener only a node is believed for whom it speaks', async () => {
  const errorOf = async (client: RawClient, topic: string) => {
    const { errorCode } = await client.request(Envelope, 0, forged(topic))
    client.destroy()
    return errorCode
  }
  const alice = await clientOf(at('CONTROLLER'), USERS.client)
  expect(await errorOf(alice, 'by-alice')).toBe('CLUSTER_AUTHORIZATION_FAILED')
  expect(await topicsThereAre()).not.toContain('by-alice')
  const { patternType, ...rule } = acl('ALLOW User:node CLUSTER_ACTION CLUSTER:kafka-cluster')
  const admin = await clientOf(at('SASL_PLAINTEXT'))
  const creations = [{ ...rule, resourcePatternType: patternType }]
  const { results } = await admin.request(CreateAcls, 3, { creations })
  admin.destroy()
  expect(results[0]!.errorCode).toBe('NONE')
  await eventually(async () => {
    const node = await clientOf(at('CONTROLLER'), USERS.node)
    return (await errorOf(node, 'by-node')) === 'NONE'
  }, 'the node to be believed')
  await eventually(async () => (await topicsThereAre()).includes('by-node'), 'the topic')
})

test('what was refused is in the audit log under the name of who asked', () => {
  const told = lines.filter((line) => line.includes('by-alice') || line.includes('CLUSTER_ACTION'))
  expect(told.join('')).toContain('User:alice')
  expect(told.join('')).not.toContain('User:admin')
})
