import * as protocol from '../../protocol/index.ts'

const exported = protocol as unknown as Readonly<Record<string, unknown>>

describe('ottla/protocol', () => {
  test('exports every API, every header and every stored message under its name', () => {
    const named = [
      ...protocol.apis,
      protocol.RequestHeader,
      protocol.ResponseHeader,
      ...protocol.stateMessages,
    ]
    expect(named.filter(({ name }) => exported[name] === undefined)).toEqual([])
    for (const declaration of named) expect(exported[declaration.name]).toBe(declaration)
  })

  test('reads what it writes, with nothing but its public parts', () => {
    const { Heartbeat, encode, decode } = protocol
    const request: protocol.RequestToSend<typeof Heartbeat> = {
      groupId: 'g',
      generationId: 3,
      memberId: 'm',
    }
    expect(decode(Heartbeat.request, 4, encode(Heartbeat.request, 4, request))).toEqual({
      ...request,
      groupInstanceId: null,
    })
    expect(protocol.apiByKey(12)).toBe(Heartbeat)
  })
})
