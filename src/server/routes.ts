import { codecOf } from '../../protocol/codec.ts'
import type { Codec } from '../../protocol/codec.ts'
import { RequestHeader, ResponseHeader } from '../../protocol/messages/headers.ts'
import { requestHeaderVersion, responseHeaderVersion } from '../../protocol/messages/headers.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import type { Need } from '../handlers/access.ts'
import type { Handler } from '../handlers/handler.ts'
import type { NodeServices } from '../handlers/services.ts'
import type { Stages } from './stages.ts'

/** How the messages of an API are read and written in one version, and what else concerns a request on its way. */
export interface Route {
  readonly api: AnyApi
  /** `Fetch v17` */
  readonly name: string
  readonly requestHeader: Codec<RequestHeader, unknown>
  readonly request: Codec<object, unknown>
  readonly responseHeader: Codec<unknown, { correlationId: number }>
  readonly response: Codec<unknown, object>
  readonly stages: Stages
  /** What nodes ask of each other: no client waits for it, and no quota counts it. */
  readonly isInterNode: boolean
}

export function routeOf(api: AnyApi, version: number, stages: Stages, isInterNode = false): Route {
  return {
    api,
    name: `${api.name} v${version}`,
    requestHeader: codecOf(RequestHeader, requestHeaderVersion(api, version)),
    request: codecOf(api.request, version),
    responseHeader: codecOf(ResponseHeader, responseHeaderVersion(api, version)),
    response: codecOf(api.response, version),
    stages,
    isInterNode,
  }
}

/** The handlers of a listener by API key, and their routes by version, made when they are first asked for. */
export class Routes {
  readonly #handlers: (Handler<NodeServices> | undefined)[] = []
  readonly #routes: (Route | undefined)[][] = []
  readonly #stages: Stages

  constructor(handlers: readonly Handler<NodeServices>[], stages: Stages) {
    this.#stages = stages
    for (const handler of handlers) {
      this.#handlers[handler.api.key] = handler
      this.#routes[handler.api.key] = []
    }
  }

  handler(apiKey: number): Handler<NodeServices> | undefined {
    return this.#handlers[apiKey]
  }

  /** @param version one that the handler serves */
  route({ api, access }: Handler<NodeServices>, version: number): Route {
    return (this.#routes[api.key]![version] ??= routeOf(
      api,
      version,
      this.#stages,
      access.needs.some(isNodesOwn),
    ))
  }
}

/** What acts for the cluster by what it is; a Fetch may be a client's. */
function isNodesOwn({ kind, operation }: Need): boolean {
  return kind === 'cluster' && operation === 'CLUSTER_ACTION'
}
