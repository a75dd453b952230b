import { api, array, bool, errorCode, float64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A null name is the type's default entity. */
const entityPart = { entityType: string, entityName: string.nullable() }

/** Sets and removes quotas by user, client id and ip (KIP-546). */
export const AlterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  versions: [0, 1],
  flexible: 1,
  listeners: ['broker', 'controller'],
  request: {
    entries: array({
      entity: array(entityPart),
      ops: array({
        key: string,
        /** Ignored when it is to be removed. */
        value: float64,
        remove: bool,
      }),
    }),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs,
    entries: array({ errorCode, errorMessage: string.nullable(), entity: array(entityPart) }),
  },
})

export type AlterClientQuotasRequest = RequestOf<typeof AlterClientQuotas>
export type AlterClientQuotasResponse = ResponseOf<typeof AlterClientQuotas>
