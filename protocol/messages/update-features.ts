import {
  api,
  array,
  bool,
  errorCode,
  int16,
  int32,
  int8,
  string,
  throttleTimeMs,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Finalizes feature levels of the cluster (KIP-584). v1 replaces `allowDowngrade` by kinds of upgrade and can only
 * validate (KIP-778). v2 changes all features or none, so it has an error for the whole only (KIP-1022).
 */
export const UpdateFeatures = api({
  key: 57,
  name: 'UpdateFeatures',
  versions: [0, 2],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: {
    timeoutMs: int32.default(60000),
    featureUpdates: array({
      feature: string,
      /** Below 1 asks for the feature to be turned off. */
      maxVersionLevel: int16,
      allowDowngrade: bool.until(0),
      /** 1 upgrade only, 2 downgrade that loses nothing, 3 downgrade that may lose metadata. */
      upgradeType: int8.default(1).since(1),
    }),
    validateOnly: bool.default(false).since(1),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable(),
    results: array({ feature: string, errorCode, errorMessage: string.nullable() }).until(1),
  },
})

export type UpdateFeaturesRequest = RequestOf<typeof UpdateFeatures>
export type UpdateFeaturesResponse = ResponseOf<typeof UpdateFeatures>
