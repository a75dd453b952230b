import type { QuorumNode } from '../simulated-quorum.ts'
import { SimulatedQuorum } from '../simulated-quorum.ts'
import { set } from '../support.ts'

/** A change of the metadata that needs no broker. */
const change = ({ node }: QuorumNode, value: number) =>
  node.submit({
    type: 'incrementalAlterConfigs',
    resources: [
      { resourceType: 4, resourceName: '', configs: [set('log.retention.ms', String(value))] },
    ],
    validateOnly: false,
  })

const valueIn = ({ node }: QuorumNode) => node.image.configs.get('4 ')?.get('log.retention.ms')

/** Cuts off who is in office, again and again, until a node has it. */
async function leadsAgain(quorum: SimulatedQuorum, wanted: QuorumNode): Promise<void> {
  for (let attempt = 0; attempt < 30; attempt++) {
    const leader = await quorum.controller()
    if (leader === wanted) return
    quorum.cutOff(leader)
    await quorum.controller()
    await quorum.until(() => !leader.node.isController, 'resignation')
    quorum.heal()
  }
  throw new Error('It was never elected again')
}

describe('the office of the controller', () => {
  test('is taken each time the node leads the quorum, with everything that others had decided meanwhile', async () => {
    const quorum = await SimulatedQuorum.start(3)
    const first = await quorum.controller()
    await quorum.resolve(change(first, 1), 'change')
    quorum.cutOff(first)
    const second = await quorum.controller()
    expect(second.id).not.toBe(first.id)
    const [reply] = await quorum.resolve(change(second, 2), 'change by the next one')
    expect(reply).toMatchObject({ errorCode: 'NONE' })
    quorum.heal()
    await quorum.until(() => valueIn(first) === '2', 'change on the first one')
    await leadsAgain(quorum, first)
    const [again] = await quorum.resolve(change(first, 3), 'change by the first one')
    expect(again).toMatchObject({ errorCode: 'NONE' })
    await quorum.until(() => quorum.nodes.every((each) => valueIn(each) === '3'), 'one image')
    expect(quorum.nodes.flatMap(({ failures }) => failures)).toEqual([])
  })

  test('is told of when it is taken and when it is lost, each time', async () => {
    const quorum = await SimulatedQuorum.start(3)
    const first = await quorum.controller()
    const told: boolean[] = []
    first.node.onOffice(() => told.push(first.node.isController))
    quorum.cutOff(first)
    await quorum.until(() => !first.node.isController, 'resignation')
    expect(told).toEqual([false])
    expect(first.node.activeController).toBeNull()
    quorum.heal()
    await leadsAgain(quorum, first)
    expect(told).toEqual([false, true])
  })

  test('is where each node says that it is, and all are told when it is another’s', async () => {
    const quorum = await SimulatedQuorum.start(3)
    const told = new Map<number, (string | undefined)[]>()
    for (const { id, node } of quorum.nodes) {
      const hosts: (string | undefined)[] = []
      told.set(id, hosts)
      node.onActiveController(() => hosts.push(node.activeController?.host))
    }
    const everybodySays = (id: number, among = quorum.nodes): Promise<void> =>
      quorum.until(
        () => among.every(({ node }) => node.activeController?.id === id),
        'knowledge of the controller',
      )
    const first = await quorum.controller()
    await everybodySays(first.id)
    expect(first.node.activeController).toEqual({
      id: first.id,
      host: `node${first.id}`,
      port: 9093,
    })
    quorum.cutOff(first)
    const second = await quorum.controller()
    await everybodySays(
      second.id,
      quorum.nodes.filter((each) => each !== first),
    )
    // Without its voters it knows of nobody who leads.
    await quorum.until(() => first.node.activeController === null, 'resignation')
    quorum.heal()
    await everybodySays(second.id)
    expect(told.get(first.id)!.at(-1)).toBe(`node${second.id}`)
  })

  test('is lost with changes under way: these fail, the node goes on, and may have it again', async () => {
    const quorum = await SimulatedQuorum.start(3)
    const first = await quorum.controller()
    quorum.cutOff(first)
    const lost = change(first, 1).catch((error: unknown) => error)
    expect(await quorum.resolve(lost, 'end of the change')).toMatchObject({
      code: 'ERR_SHARD_LOST',
    })
    await quorum.until(() => !first.node.isController, 'resignation')
    await expect(change(first, 2)).rejects.toMatchObject({ code: 'ERR_SHARD_LOST' })
    expect([first.failures, valueIn(first)]).toEqual([[], undefined])
    quorum.heal()
    const next = await quorum.controller()
    await quorum.resolve(change(next, 3), 'change')
    await quorum.until(() => quorum.nodes.every((each) => valueIn(each) === '3'), 'one image')
    expect(quorum.nodes.flatMap(({ failures }) => failures)).toEqual([])
  })

  test('is handed over with all that was asked before answered, in pieces too, and with nothing new forwarded to it', async () => {
    const quorum = await SimulatedQuorum.start(3)
    const first = await quorum.controller()
    const { node } = first
    const asked = change(first, 1).then(async (replies) => {
      await new Promise<void>((resolve) => void quorum.scheduler.after(0, 'next piece', resolve))
      return [...replies, ...(await change(first, 2))]
    })
    let isClosed = false
    const closed = node.close().then(() => (isClosed = true))
    await quorum.until(() => !node.isController, 'end of what is forwarded')
    expect(isClosed).toBe(false)
    const codes = (await quorum.resolve(asked, 'change')).map(({ errorCode }) => errorCode)
    expect(codes).toEqual(['NONE', 'NONE'])
    await quorum.resolve(closed, 'stop')
    await expect(change(first, 3)).rejects.toMatchObject({ code: 'ERR_SHARD_LOST' })
    const others = quorum.nodes.filter((each) => each !== first)
    await quorum.until(() => others.some((each) => each.node.isController), 'another one')
    await quorum.until(() => others.every((each) => valueIn(each) === '2'), 'one image')
  })

  test('is left after a while where what was decided can’t be committed', async () => {
    const quorum = await SimulatedQuorum.start(3)
    const first = await quorum.controller()
    quorum.cutOff(first)
    const lost = change(first, 1).catch((error: unknown) => error)
    const before = quorum.scheduler.now
    await quorum.resolve(first.node.close(), 'stop')
    expect(quorum.scheduler.now - before).toBeLessThan(2000)
    expect(await quorum.resolve(lost, 'end of the change')).toMatchObject({
      code: 'ERR_SHARD_LOST',
    })
  })
})
