import { api, array, bool, errorCode, float64, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Quotas by user, client id and ip (KIP-546). */
export const DescribeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: {
    /** All of them must match. */
    components: array({
      /** `user`, `client-id` or `ip`. */
      entityType: string,
      /** 0 the name in `match`, 1 the default entity, 2 any entity that has a name. */
      matchType: int8,
      match: string.nullable(),
    }),
    /** Leaves out quotas whose entity has a type that is not among the components. */
    strict: bool,
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable(),
    /** Null with an error. */
    entries: array({
      /** A null name is the type's default entity. */
      entity: array({ entityType: string, entityName: string.nullable() }),
      values: array({ key: string, value: float64 }),
    }).nullable(),
  },
})

export type DescribeClientQuotasRequest = RequestOf<typeof DescribeClientQuotas>
export type DescribeClientQuotasResponse = ResponseOf<typeof DescribeClientQuotas>
