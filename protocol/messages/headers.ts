import { int16, int32, message, string } from '../schema.ts'
import type { AnyApi, DecodedOf, EncodedOf } from '../schema.ts'

/**
 * Stands before every request. v2 goes with flexible requests. The client id keeps its old form in both, so that a broker
 * can read the header of an ApiVersions request that is newer than itself (KIP-511).
 */
export const RequestHeader = message({
  name: 'RequestHeader',
  versions: [1, 2],
  flexible: 2,
  fields: {
    requestApiKey: int16,
    requestApiVersion: int16,
    correlationId: int32,
    clientId: string.nullable().inflexible(),
  },
})
export type RequestHeader = DecodedOf<typeof RequestHeader>
export type RequestHeaderToSend = EncodedOf<typeof RequestHeader>

/** Stands before every response. v1 goes with flexible ones. */
export const ResponseHeader = message({
  name: 'ResponseHeader',
  versions: [0, 1],
  flexible: 1,
  fields: { correlationId: int32 },
})
export type ResponseHeader = DecodedOf<typeof ResponseHeader>

const API_VERSIONS_KEY = 18

type HeaderFacts = Pick<AnyApi, 'key' | 'flexible'>

/** Which header a request of this API in this version has: 1 or 2. */
export function requestHeaderVersion(api: HeaderFacts, version: number): 1 | 2 {
  return version >= api.flexible ? 2 : 1
}

/** Which header the response has: 0 or 1; always 0 for ApiVersions, whose client may not know the version yet (KIP-511). */
export function responseHeaderVersion(api: HeaderFacts, version: number): 0 | 1 {
  return version >= api.flexible && api.key !== API_VERSIONS_KEY ? 1 : 0
}
