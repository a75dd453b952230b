import type { NamedVoter } from '../../src/config/joining.ts'
import { searchCluster } from '../../src/controller/cluster-search.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { SimMachine } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { IN_THE_CLEAR } from '../../src/peer/security.ts'

test('a search for the cluster ends when it is told to, though nobody has answered yet', async () => {
  const scheduler = new Scheduler(1)
  const world = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
  const host = new SimMachine('node1', world).start()
  const end = new AbortController()
  const asked: string[] = []
  const connect = (name: string): Promise<never> => {
    asked.push(name)
    return new Promise(() => undefined)
  }
  const voters = [1, 2, 3].map((id): NamedVoter => ({ id, host: `node${id}`, port: 9093 }))
  const searching = searchCluster({
    host: { ...host, network: { ...host.network, connect }, security: IN_THE_CLEAR },
    nodeId: 1,
    membership: { kind: 'static', voters, servers: voters },
    timeoutMs: 60_000,
    signal: end.signal,
  })
  expect(asked).toEqual(['node2', 'node3'])
  end.abort(new Error('The node was stopped'))
  await expect(scheduler.resolve(searching, 1000, 'the end')).rejects.toThrow(
    'The node was stopped',
  )
})
