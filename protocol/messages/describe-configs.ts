import { api, array, bool, errorCode, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The settings of topics, brokers, groups and so on. v3 has each setting's type and documentation (KIP-569). */
export const DescribeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  listeners: ['broker', 'controller'],
  request: {
    resources: array({
      resourceType: int8,
      resourceName: string,
      /** Null for all. */
      configurationKeys: array(string).nullable(),
    }),
    includeSynonyms: bool.default(false),
    includeDocumentation: bool.default(false).since(3),
  },
  response: {
    throttleTimeMs,
    results: array({
      errorCode,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        /** Null for a sensitive setting. */
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.default(-1),
        isSensitive: bool,
        /** Where the value could come from, the source in force first. */
        synonyms: array({ name: string, value: string.nullable(), source: int8 }),
        configType: int8.default(0).since(3),
        documentation: string.nullable().since(3),
      }),
    }),
  },
})
export type DescribeConfigsRequest = RequestOf<typeof DescribeConfigs>
export type DescribeConfigsResponse = ResponseOf<typeof DescribeConfigs>
