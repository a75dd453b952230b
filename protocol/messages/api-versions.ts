import { api, array, bool, errorCode, int16, int32, int64, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * What a broker speaks: the first request on every connection.
 *
 * A version that the broker doesn't know is answered in v0 with UNSUPPORTED_VERSION and the range of this API (KIP-511);
 * the response's header stays at version 0 so that such a client can read it.
 * v3 names the client's software. v4 can carry a feature whose lowest level is 0, which v3 and below must leave out.
 * v5 says whom the client means (KIP-1242): another broker at this address answers REBOOTSTRAP_REQUIRED.
 */
export const ApiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 5],
  flexible: 3,
  listeners: ['broker', 'controller'],
  request: {
    clientSoftwareName: string.since(3),
    clientSoftwareVersion: string.since(3),
    /** Null where the client knows none; then it gives no node either. */
    clusterId: string.nullable(5).default(null).since(5),
    nodeId: int32.default(-1).since(5),
  },
  response: {
    errorCode,
    apiKeys: array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
    throttleTimeMs: int32.since(1),
    supportedFeatures: array({ name: string, minVersion: int16, maxVersion: int16 })
      .since(3)
      .tagged(0),
    /** The metadata offset that the finalized features are as of; -1 when unknown. */
    finalizedFeaturesEpoch: int64.default(-1).since(3).tagged(1),
    finalizedFeatures: array({ name: string, maxVersionLevel: int16, minVersionLevel: int16 })
      .since(3)
      .tagged(2),
    zkMigrationReady: bool.since(3).tagged(3),
  },
})
export type ApiVersionsRequest = RequestOf<typeof ApiVersions>
export type ApiVersionsResponse = ResponseOf<typeof ApiVersions>
