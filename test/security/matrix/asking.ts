import {
  ACL_OPERATIONS,
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
  aclNumber,
} from '../../../protocol/acls.ts'
import { codecOf } from '../../../protocol/codec.ts'
import { AddPartitionsToTxn } from '../../../protocol/messages/add-partitions-to-txn.ts'
import { CreateAcls } from '../../../protocol/messages/create-acls.ts'
import { CreateDelegationToken } from '../../../protocol/messages/create-delegation-token.ts'
import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { Envelope } from '../../../protocol/messages/envelope.ts'
import { FindCoordinator } from '../../../protocol/messages/find-coordinator.ts'
import { ResponseHeader, responseHeaderVersion } from '../../../protocol/messages/headers.ts'
import { InitProducerId } from '../../../protocol/messages/init-producer-id.ts'
import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { OffsetCommit } from '../../../protocol/messages/offset-commit.ts'
import { SaslAuthenticate } from '../../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../protocol/messages/sasl-handshake.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { ListenerKind } from '../../../protocol/schema.ts'
import { Reader } from '../../../protocol/wire/reader.ts'
import type { Acl } from '../../../src/metadata/acls.ts'
import { encodePrincipal } from '../../../src/security/principal-data.ts'
import { plainToken } from '../../../src/security/sasl/plain.ts'
import { eventually } from '../../clients/wait.ts'
import { RawClient, encodeRequest } from '../../support/raw-client.ts'
import { reduced } from './reduce.ts'
import type { MatrixRequest, Subject } from './request.ts'
import { ASKERS } from './rights.ts'
import type { Asker } from './rights.ts'

/** How a request comes to who answers it: by a listener of a kind, or in an Envelope of a super user. */
export type Way = ListenerKind | 'envelope'

/** A request on one of its ways. */
export interface Question {
  readonly request: MatrixRequest
  readonly way: Way
}

interface At {
  readonly host: string
  readonly port: number
}

/** The listeners of a node that has both roles, where clients say who they are by SASL/PLAIN. */
export type Listeners = Readonly<Record<ListenerKind, At>>

/** Principals that may do everything: those who prepare what there is to ask for. */
export const ADMINISTRATOR = 'admin'
const PASSWORD = 'secret'

/** What lets all of them in, in the form of the setting. */
export const JAAS = `org.apache.kafka.common.security.plain.PlainLoginModule required username="${ADMINISTRATOR}" password="${PASSWORD}" ${[ADMINISTRATOR, ...ASKERS.map(({ name }) => name)].map((name) => `user_${name}="${PASSWORD}"`).join(' ')};`

/** In words; unique. */
export const inWords = ({ request, way }: Question): string => `${request.words} (${way})`

/** Every request, on each of its ways, in the order in which they are asked. */
export function questionsOf(requests: readonly MatrixRequest[]): Question[] {
  const by = (way: Way, takes: (request: MatrixRequest) => boolean): Question[] =>
    requests.filter(takes).map((request) => ({ request, way }))
  return [
    ...by('controller', ({ listeners }) => listeners.includes('controller')),
    ...by('envelope', ({ listeners }) => listeners.length === 2),
    ...by('broker', ({ listeners }) => listeners.includes('broker')),
  ]
}

async function logIn(at: At, name: string): Promise<RawClient> {
  const client = await RawClient.connect(at, LIMIT_MS)
  const handshake = await client.request(SaslHandshake, 1, { mechanism: 'PLAIN' })
  const authBytes = plainToken(name, PASSWORD)
  const answer = await client.request(SaslAuthenticate, 2, { authBytes })
  if (handshake.errorCode !== 'NONE' || answer.errorCode !== 'NONE') {
    throw new Error(`${name} was not let in: ${answer.errorCode}`)
  }
  return client
}

const LIMIT_MS = 60_000

interface Token {
  readonly tokenId: string
  readonly hmac: Buffer
}

/** What there is for one of those who ask, beside what has its name. */
interface Prepared {
  readonly topicId: string
  readonly token: Token
  readonly holdersToken: Token
}

/**
 * Makes a topic, a group with offsets, an open transaction and two tokens for each of those who ask, and gives them their
 * rights.
 */
async function prepare(
  listeners: Listeners,
  askers: readonly Asker[],
): Promise<Map<Asker, Prepared>> {
  const admin = await logIn(listeners.broker, ADMINISTRATOR)
  const { topics } = await admin.request(CreateTopics, 7, {
    topics: askers.map(({ own }) => ({
      name: own.topic,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    })),
    timeoutMs: LIMIT_MS,
  })
  same(topics.map(({ errorCode }) => errorCode))
  await eventually(async () => {
    const answer = await admin.request(ListOffsets, 7, {
      replicaId: -1,
      topics: askers.map(({ own }) => ({
        name: own.topic,
        partitions: [{ partitionIndex: 0, timestamp: -1n }],
      })),
    })
    return answer.topics.every(({ partitions }) => partitions[0]!.errorCode === 'NONE')
  }, 'the topics')
  for (const keyType of [0, 1]) {
    await eventually(async () => {
      const body = { keyType, coordinatorKeys: [ADMINISTRATOR] }
      const { coordinators } = await admin.request(FindCoordinator, 4, body)
      return coordinators[0]!.errorCode === 'NONE'
    }, 'coordinators')
  }
  await eventually(async () => {
    const { errorCode } = await commitAs(admin, askers[0]!)
    return errorCode === 'NONE' && (await beginAs(admin, askers[0]!)) === 'NONE'
  }, 'the coordinators to have loaded')
  for (const asker of askers.slice(1)) {
    const [{ errorCode }, begun] = await Promise.all([
      commitAs(admin, asker),
      beginAs(admin, asker),
    ])
    same([errorCode, begun])
  }
  const topicIds = new Map(topics.map(({ name, topicId }) => [name, topicId]))
  const prepared = new Map<Asker, Prepared>()
  await Promise.all(
    askers.map(async (asker) => {
      const [token, holdersToken] = await Promise.all([
        tokenOf(admin, asker.name),
        tokenOf(admin, asker.own.holder),
      ])
      prepared.set(asker, { topicId: topicIds.get(asker.own.topic)!, token, holdersToken })
    }),
  )
  await addAcls(admin, prepared)
  admin.destroy()
  await followed(listeners, askers)
  return prepared
}

async function tokenOf(admin: RawClient, owner: string): Promise<Token> {
  const { errorCode, tokenId, hmac } = await admin.request(CreateDelegationToken, 3, {
    ownerPrincipalType: 'User',
    ownerPrincipalName: owner,
    renewers: [],
    maxLifetimeMs: -1n,
  })
  same([errorCode])
  return { tokenId, hmac }
}

function same(errors: readonly string[]): void {
  const error = errors.find((each) => each !== 'NONE')
  if (error !== undefined) throw new Error(`not prepared: ${error}`)
}

async function commitAs(admin: RawClient, { own }: Asker) {
  const partition = { partitionIndex: 0, committedOffset: 1, committedMetadata: null }
  const { topics } = await admin.request(OffsetCommit, 8, {
    groupId: own.group,
    memberId: '',
    topics: [{ name: own.topic, partitions: [partition] }],
  })
  return topics[0]!.partitions[0]!
}

async function beginAs(admin: RawClient, { own }: Asker) {
  const { errorCode, ...producer } = await admin.request(InitProducerId, 4, {
    transactionalId: own.transaction,
    transactionTimeoutMs: 900_000,
  })
  if (errorCode !== 'NONE') return errorCode
  const { resultsByTopicV3AndBelow } = await admin.request(AddPartitionsToTxn, 3, {
    v3AndBelowTransactionalId: own.transaction,
    v3AndBelowProducerId: producer.producerId,
    v3AndBelowProducerEpoch: producer.producerEpoch,
    v3AndBelowTopics: [{ name: own.topic, partitions: [0] }],
  })
  return resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode
}

/** A rule to be shown. */
const nobodyMayRead = (topic: string): Acl => ({
  resourceType: aclNumber(ACL_RESOURCE_TYPES, 'TOPIC'),
  resourceName: topic,
  patternType: aclNumber(ACL_PATTERN_TYPES, 'LITERAL'),
  principal: 'User:nobody',
  host: '*',
  operation: aclNumber(ACL_OPERATIONS, 'READ'),
  permissionType: aclNumber(ACL_PERMISSIONS, 'DENY'),
})

async function addAcls(admin: RawClient, prepared: ReadonlyMap<Asker, Prepared>): Promise<void> {
  const all = Array.from(prepared).flatMap(([{ aclsWith, own }, { holdersToken }]) => [
    nobodyMayRead(own.topic),
    ...aclsWith(holdersToken.tokenId),
  ])
  for (let from = 0; from < all.length; from += 1000) {
    const creations = all
      .slice(from, from + 1000)
      .map(({ patternType, ...acl }) => ({ ...acl, resourcePatternType: patternType }))
    const { results } = await admin.request(CreateAcls, 3, { creations })
    same(results.map(({ errorCode }) => errorCode))
  }
}

/** Resolves when the last rule counts on both listeners. */
async function followed(listeners: Listeners, askers: readonly Asker[]): Promise<void> {
  const { name, own } = askers.findLast(({ rights }) => rights.endsWith('CLUSTER missing'))!
  const client = await logIn(listeners.broker, name)
  const topics = [{ topicId: ZERO_UUID, name: own.topic }]
  await eventually(async () => {
    const answer = await client.request(Metadata, 12, { topics, allowAutoTopicCreation: false })
    return answer.topics[0]!.errorCode === 'NONE'
  }, 'the ACLs')
  client.destroy()
}

/** By question, the answers in the order of the principals; undefined for one that hasn't asked. */
export type AnswersTo = ReadonlyMap<Question, readonly (string | undefined)[]>

/**
 * Has each of the principals ask the questions.
 * @param asks whether a principal is to ask this
 * @returns the answers, reduced
 */
export async function answersTo(
  questions: readonly Question[],
  listeners: Listeners,
  asks: (asker: Asker, question: Question) => boolean = () => true,
): Promise<AnswersTo> {
  const isAsking = (asker: Asker): boolean => questions.some((each) => asks(asker, each))
  const askers = ASKERS.filter(isAsking)
  const prepared = await prepare(listeners, askers)
  const answers = new Map(
    questions.map((question) => [question, new Array<string | undefined>(ASKERS.length)]),
  )
  const left = askers.map((asker) => ASKERS.indexOf(asker))
  const askNext = async (): Promise<void> => {
    for (let index = left.shift(); index !== undefined; index = left.shift()) {
      const asker = ASKERS[index]!
      for (const way of ['controller', 'envelope', 'broker'] as const) {
        const some = questions.filter((question) => question.way === way && asks(asker, question))
        const told = await askedBy(asker, some, way, listeners, prepared.get(asker)!)
        some.forEach((question, at) => (answers.get(question)![index!] = told[at]!))
      }
    }
  }
  await Promise.all([askNext(), askNext(), askNext(), askNext()])
  return answers
}

/** Asks by one connection, or, where that is closed for a question, by another one from there on. */
async function askedBy(
  { name, own }: Asker,
  questions: readonly Question[],
  way: Way,
  listeners: Listeners,
  { topicId, token, holdersToken }: Prepared,
): Promise<string[]> {
  const subject: Subject = {
    ...own,
    topicId,
    principal: name,
    token: token.hmac,
    holdersToken: holdersToken.hmac,
  }
  const answers: string[] = []
  while (answers.length < questions.length) {
    const at = listeners[way === 'broker' ? 'broker' : 'controller']
    const client = await logIn(at, way === 'envelope' ? ADMINISTRATOR : name)
    const some = questions.slice(answers.length).map(({ request }) => request)
    for (const request of some) send(client, request, subject, way)
    for (const request of some) {
      const answer = await received(client, request, way)
      if (answer === null) {
        answers.push('closed')
        break
      }
      answers.push(typeof answer === 'string' ? answer : reduced(answer, subject))
    }
    client.destroy()
  }
  return answers
}

function send(client: RawClient, request: MatrixRequest, subject: Subject, way: Way): void {
  const { api, version } = request
  const body = request.body(subject)
  if (way !== 'envelope') {
    client.send(api, version, body)
    return
  }
  client.send(Envelope, 0, {
    requestData: encodeRequest(api, version, body),
    requestPrincipal: encodePrincipal({ type: 'User', name: subject.principal }),
    clientHostAddress: Buffer.from([127, 0, 0, 1]),
  })
}

/** Null where the connection was closed. */
async function received(
  client: RawClient,
  { api, version }: MatrixRequest,
  way: Way,
): Promise<object | string | null> {
  try {
    if (way !== 'envelope') return await client.receive(api, version)
    const { errorCode, responseData } = await client.receive(Envelope, 0)
    if (responseData === null) return `envelope ${errorCode}`
    const reader: Reader = new Reader(responseData)
    codecOf(ResponseHeader, responseHeaderVersion(api, version)).read(reader)
    return codecOf(api.response, version).read(reader)
  } catch (error) {
    if (client.isClosed) return null
    throw new Error(`${api.name} v${version} (${way}): ${String(error)}`, { cause: error })
  }
}
