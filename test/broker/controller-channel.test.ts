import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { Envelope, type EnvelopeRequest } from '../../protocol/messages/envelope.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { BrokerControllerChannel } from '../../src/broker/controller-channel.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { nodeHost } from '../../src/host/node.ts'
import { IN_THE_CLEAR } from '../../src/peer/security.ts'
import { encodePrincipal } from '../../src/security/principal-data.ts'
import { answer, fakeBroker } from '../peer/fake-broker.ts'

test('what a client wants changed is asked of another node in its name', async () => {
  const seen: EnvelopeRequest[] = []
  const controller = await fakeBroker([
    answer(Envelope as unknown as AnyApi, (envelope) => {
      seen.push(envelope as unknown as EnvelopeRequest)
      return { errorCode: 'CLUSTER_AUTHORIZATION_FAILED', responseData: null }
    }),
    answer(CreateTopics as unknown as AnyApi, () => null),
  ])
  const host = { ...nodeHost({ log: { level: 'silent' } }), security: IN_THE_CLEAR }
  const channel = new BrokerControllerChannel(host, new BrokerConfig({ settings: {} }), {
    isController: false,
    activeController: { id: 1, host: '127.0.0.1', port: controller.port },
    onActiveController: () => () => undefined,
    submit: () => Promise.reject(new Error('it is not here')),
    describeQuorum: () => {
      throw new Error('not asked')
    },
  })
  const principal = { type: 'User', name: 'alice' }
  const client = { clientId: 'app', principal, connection: { host: '10.0.0.1' } }
  const command = { type: 'createTopics', topics: [], validateOnly: false } as const
  await expect(channel.submit(command, client)).rejects.toThrow('CLUSTER_AUTHORIZATION_FAILED')
  expect(seen).toMatchObject([
    {
      requestPrincipal: encodePrincipal(principal),
      clientHostAddress: Buffer.from([10, 0, 0, 1]),
    },
  ])
  channel.close()
  controller.close()
})
