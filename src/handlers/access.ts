import type { ErrorName } from '../../protocol/errors.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import type { AclOperation, AclResource, AclResourceType } from '../security/authorizer.ts'
import { closeConnection, isAnswer } from './answer.ts'
import type { Answer } from './answer.ts'
import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'

/** What an API demands of who asks. It is judged where there is an authorizer, before the handler sees the request. */
export interface Access<Request, Response> {
  /** All that the authorizer may be asked. */
  readonly needs: readonly Need[]
  readonly judge: (
    request: Request,
    context: RequestContext<NodeServices>,
  ) => Verdict<Request, Response>
}

export interface Need {
  /** `custom`: the handler itself asks, by `context.may`. */
  readonly kind: 'cluster' | 'one' | 'each' | 'custom'
  readonly operation: AclOperation
  readonly resourceType: AclResourceType
}

/** The answer to a request that isn't allowed; or what is left of it, and what its answer still lacks. */
export type Verdict<Request, Response> =
  | { readonly refused: Answer<Response> }
  | { readonly request: Request; readonly complete: Complete<Response> | null }

/** Adds what was refused to the answer of the rest. */
type Complete<Response> = (answer: Answer<Response>) => Answer<Response>

/** An error as answers tell it; few of them have room for its text. */
export interface AuthorizationError {
  readonly errorCode: ErrorName
  readonly errorMessage: string
}

/** In Kafka's words. */
const REFUSALS: Readonly<Record<AclResourceType, AuthorizationError>> = {
  TOPIC: {
    errorCode: 'TOPIC_AUTHORIZATION_FAILED',
    errorMessage: 'Topic authorization failed.',
  },
  GROUP: {
    errorCode: 'GROUP_AUTHORIZATION_FAILED',
    errorMessage: 'Group authorization failed.',
  },
  CLUSTER: {
    errorCode: 'CLUSTER_AUTHORIZATION_FAILED',
    errorMessage: 'Cluster authorization failed.',
  },
  TRANSACTIONAL_ID: {
    errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    errorMessage: 'Transactional Id authorization failed.',
  },
  DELEGATION_TOKEN: {
    errorCode: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
    errorMessage: 'Delegation Token authorization failed.',
  },
  USER: {
    errorCode: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
    errorMessage: 'Delegation Token authorization failed.',
  },
}

/** The whole answer to a request that isn't allowed. */
type Refuse<Request, Response> = (
  request: Request,
  refusal: AuthorizationError,
  context: RequestContext<NodeServices>,
) => Answer<NoInfer<Response>>

/** Nobody is refused. */
export function anyone<Request, Response>(): Access<Request, Response> {
  return custom()
}

/** The handler asks for what it needs: it leaves out what isn't allowed, or what it needs depends on more than the request. */
export function custom<Request, Response>(
  ...needs: readonly (readonly [operation: AclOperation, resourceType: AclResourceType])[]
): Access<Request, Response> {
  return {
    needs: needs.map(([operation, resourceType]) => ({ kind: 'custom', operation, resourceType })),
    judge: (request) => ({ request, complete: null }),
  }
}

/** Something that is done to the cluster. */
export function cluster<Request, Response>(
  operation: AclOperation,
  refuse: Refuse<Request, Response>,
): Access<Request, Response> {
  const { judge } = one('CLUSTER', operation, () => CLUSTER_NAME, refuse)
  return { needs: [{ kind: 'cluster', operation, resourceType: 'CLUSTER' }], judge }
}

/**
 * Something that is done to the one resource that the request is about.
 * @param nameOf null where this request is about none
 */
export function one<Request, Response>(
  resourceType: AclResourceType,
  operation: AclOperation,
  nameOf: (request: Request) => string | null,
  refuse: Refuse<Request, Response>,
): Access<Request, Response> {
  return {
    needs: [{ kind: 'one', operation, resourceType }],
    judge: (request, context) => {
      const name = nameOf(request)
      return name === null || context.may(operation, resourceType, name)
        ? { request, complete: null }
        : { refused: refuse(request, REFUSALS[resourceType], context) }
    },
  }
}

/** The names of the fields that are lists. */
type ListsOf<Message> = {
  [K in keyof Message]-?: Message[K] extends readonly unknown[] | undefined ? K : never
}[keyof Message]
type ElementOf<List> = List extends readonly (infer Element)[] ? Element : never

interface Listed<Request, Response, Items, Answers, Item> {
  /** The field of the request that lists what is asked for, and that of the response which answers it. */
  readonly items: Items & ListsOf<Request>
  readonly answers: Answers & ListsOf<Response>
  readonly refuse: (
    item: Item,
    refusal: AuthorizationError,
  ) => ElementOf<NonNullable<Response[Answers & keyof Response]>>
  /** Who may do this to the cluster may do the other to all. */
  readonly unlessCluster?: AclOperation
  /** What another operation on the cluster is demanded for. */
  readonly except?: {
    readonly operation: AclOperation
    isMeant(item: Item, context: RequestContext<NodeServices>): boolean
  }
}

/**
 * Something that is done to each of the resources that the request lists: the handler sees those for which it is allowed.
 * @param nameOf null where it has no name here: the handler can't find it either, and says so
 */
export function each<
  Request extends object,
  Response extends object,
  Items extends keyof Request,
  Answers extends keyof Response,
>(
  resourceType: AclResourceType,
  operation: AclOperation,
  {
    nameOf,
    ...listed
  }: Listed<Request, Response, Items, Answers, ElementOf<Request[Items]>> & {
    readonly nameOf: (
      item: ElementOf<Request[Items]>,
      context: RequestContext<NodeServices>,
    ) => string | null
  },
): Access<Request, Response> {
  return eachResource<Request, Response, Items, Answers>([resourceType], operation, {
    ...listed,
    resourceOf: (item, context) => {
      const name = nameOf(item, context)
      return name === null ? null : { type: resourceType, name }
    },
  })
}

/** The same for resources of several types. */
export function eachResource<
  Request extends object,
  Response extends object,
  Items extends keyof Request,
  Answers extends keyof Response,
>(
  resourceTypes: readonly AclResourceType[],
  operation: AclOperation,
  {
    items,
    answers,
    resourceOf,
    refuse,
    unlessCluster,
    except,
  }: Listed<Request, Response, Items, Answers, ElementOf<Request[Items]>> & {
    readonly resourceOf: (
      item: ElementOf<Request[Items]>,
      context: RequestContext<NodeServices>,
    ) => AclResource | null
  },
): Access<Request, Response> {
  const needs: Need[] = resourceTypes.map((resourceType) => ({
    kind: 'each',
    operation,
    resourceType,
  }))
  if (unlessCluster !== undefined) {
    needs.push({ kind: 'each', operation: unlessCluster, resourceType: 'CLUSTER' })
  }
  if (except !== undefined) {
    needs.push({ kind: 'each', operation: except.operation, resourceType: 'CLUSTER' })
  }
  const judge: Access<Request, Response>['judge'] = (request, context) => {
    if (unlessCluster !== undefined && context.could(unlessCluster, 'CLUSTER', CLUSTER_NAME)) {
      return { request, complete: null }
    }
    const listed = request[items] as ElementOf<Request[Items]>[]
    const refused: unknown[] = []
    // Hardly anybody is refused anything: a list of what is left is made for those who are.
    let allowed = listed
    for (let at = 0; at < listed.length; at++) {
      const item = listed[at]!
      const resource = resourceOf(item, context)
      const isException = except !== undefined && except.isMeant(item, context)
      const demanded = isException ? except.operation : operation
      if (resource === null || context.may(demanded, resource.type, resource.name)) {
        if (allowed !== listed) allowed.push(item)
        continue
      }
      if (allowed === listed) allowed = listed.slice(0, at)
      refused.push(refuse(item, REFUSALS[resource.type]))
    }
    if (refused.length === 0) return { request, complete: null }
    const complete: Complete<Response> = (answer) => {
      // Nobody reads an answer (acks=0): only a broken connection tells that something was refused.
      if (!isAnswer(answer)) return closeConnection
      // What failed as a whole tells nothing of its parts.
      if (((answer as { errorCode?: ErrorName }).errorCode ?? 'NONE') !== 'NONE') return answer
      return { ...answer, [answers]: [...(answer[answers] as unknown[]), ...refused] }
    }
    return { request: { ...request, [items]: allowed }, complete }
  }
  return { needs, judge }
}

/** All of these, one after the other. */
export function all<Request, Response>(
  ...accesses: readonly Access<Request, Response>[]
): Access<Request, Response> {
  return {
    needs: accesses.flatMap(({ needs }) => needs),
    judge: (request, context) => {
      let left = request
      let completes: Complete<Response> | null = null
      for (const { judge } of accesses) {
        const verdict = judge(left, context)
        if ('refused' in verdict) return verdict
        left = verdict.request
        completes = joined(completes, verdict.complete)
      }
      return { request: left, complete: completes }
    },
  }
}

function joined<Response>(
  first: Complete<Response> | null,
  second: Complete<Response> | null,
): Complete<Response> | null {
  if (first === null || second === null) return first ?? second
  return (answer) => second(first(answer))
}
