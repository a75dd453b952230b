import { decode, encode } from '../../protocol/codec.ts'
import {
  api,
  array,
  bigInt64,
  bytes,
  errorCode,
  int16,
  int32,
  int64,
  message,
  records,
  string,
  struct,
  uuid,
} from '../../protocol/schema.ts'
import type {
  DecodedOf,
  EncodedOf,
  ReceivedResponse,
  RequestOf,
  RequestToSend,
  ResponseOf,
} from '../../protocol/schema.ts'

// The compiler is the test: an @ts-expect-error below which nothing is wrong is itself an error.

const Sample = api({
  key: 999,
  name: 'Sample',
  versions: [0, 3],
  flexible: 2,
  request: {
    groupId: string,
    generationId: int32.default(-1),
    instanceId: string.nullable().default(null).since(1),
    rack: string.nullable(),
    partitions: array({ index: int32, epoch: int32.default(-1).since(3) }),
  },
  response: {
    throttleTimeMs: int32.since(1),
    errorCode,
    topics: array({
      topicId: uuid,
      data: records.nullable(),
      endpoint: struct({ host: string, port: int16 }).nullable().default(null).tagged(0).since(2),
    }),
  },
})
type Request = RequestOf<typeof Sample>
type Response = ResponseOf<typeof Sample>

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const check = <T extends true>(): T | undefined => undefined

describe('the types that follow from a declaration', () => {
  test('a decoded request has every field, whatever its version', () => {
    check<
      Equal<
        Request,
        {
          readonly groupId: string
          readonly generationId: number
          readonly instanceId: string | null
          readonly rack: string | null
          readonly partitions: { readonly index: number; readonly epoch: number }[]
        }
      >
    >()
    check<Equal<ReceivedResponse<typeof Sample>['topics'][number]['data'], Buffer | null>>()
    check<
      Equal<
        ReceivedResponse<typeof Sample>['topics'][number]['endpoint'],
        { readonly host: string; readonly port: number } | null
      >
    >()
    const request = decode(Sample.request, 0, Buffer.from('00016700000000ffff00000000', 'hex'))
    expect(request.instanceId).toBeNull()
    // @ts-expect-error a field that was not declared
    expect(request.memberId).toBeUndefined()
  })

  test('fields with a default, or not in all versions, may be left out of what is written', () => {
    const request: RequestToSend<typeof Sample> = {
      groupId: 'g',
      rack: null,
      partitions: [{ index: 0 }],
    }
    expect(encode(Sample.request, 3, request)).toHaveLength(19)
    const response: Response = { errorCode: 'NONE', topics: [] }
    expect(encode(Sample.response, 0, response)).toHaveLength(6)
    // Undefined is the same as left out.
    const explicit: Response = { errorCode: 'NONE', topics: [], throttleTimeMs: undefined }
    expect(encode(Sample.response, 1, explicit)).toHaveLength(10)
  })

  test('the others may not', () => {
    // @ts-expect-error errorCode and topics are missing
    const empty: Response = {}
    // @ts-expect-error rack may be null but must be said
    const noRack: RequestToSend<typeof Sample> = { groupId: 'g', partitions: [] }
    const noIndex: RequestToSend<typeof Sample> = {
      groupId: 'g',
      rack: null,
      // @ts-expect-error index is missing in an element
      partitions: [{ epoch: 1 }],
    }
    // @ts-expect-error groupId must not be null
    const noGroup: RequestToSend<typeof Sample> = { groupId: null, rack: null, partitions: [] }
    expect([empty, noRack, noIndex, noGroup]).toHaveLength(4)
    expect(() => encode(Sample.response, 0, empty)).toThrow('errorCode must have a value')
    expect(() => encode(Sample.request, 0, noGroup)).toThrow('groupId must have a value')
  })

  test('what was not declared, or is misspelt, does not compile', () => {
    // @ts-expect-error no such error
    const misspelt: Response = { errorCode: 'UNKNOWN_MEMBER', topics: [] }
    // @ts-expect-error errors are names, not numbers
    const number: Response = { errorCode: 25, topics: [] }
    // @ts-expect-error throttleTime is not throttleTimeMs
    const extra: Response = { errorCode: 'NONE', topics: [], throttleTime: 3 }
    const wrongType: Response = {
      errorCode: 'NONE',
      // @ts-expect-error a uuid is a string
      topics: [{ topicId: 5, data: null }],
    }
    expect([misspelt, number, extra, wrongType]).toHaveLength(4)
    // @ts-expect-error the type of a default is the field's
    expect(int32.default('x')).toBeDefined()
    // @ts-expect-error null is a default only of what may be null
    expect(string.default(null)).toBeDefined()
  })

  test('int64 is a number, bigInt64 a bigint, and only bytes and records differ by direction', () => {
    const Times = message({
      name: 'Times',
      versions: [0, 0],
      fields: { offset: int64, timestamp: bigInt64, key: bytes, batches: records },
    })
    check<
      Equal<
        DecodedOf<typeof Times>,
        {
          readonly offset: number
          readonly timestamp: bigint
          readonly key: Buffer
          readonly batches: Buffer
        }
      >
    >()
    const value: EncodedOf<typeof Times> = {
      offset: 1,
      timestamp: 2n ** 60n,
      key: new Uint8Array(1),
      batches: [new Uint8Array(2), new Uint8Array(3)],
    }
    expect(encode(Times, 0, value)).toHaveLength(8 + 8 + 5 + 9)
    // @ts-expect-error a timestamp is a bigint
    const wrong: EncodedOf<typeof Times> = { ...value, timestamp: 5 }
    expect(wrong).toBeDefined()
  })
})
