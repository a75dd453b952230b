import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Produce } from '../../../protocol/messages/produce.ts'
import { handlers } from '../../../src/handlers/index.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { startBroker } from '../../../src/index.ts'
import { apacheUnderTest } from '../../clients/broker.ts'
import { soaking } from '../../soak.ts'
import { freePorts } from '../../support/ports.ts'
import { temporaryDirectories } from '../../support/temporary.ts'
import { compact, expanded } from './answers.ts'
import type { Answers } from './answers.ts'
import { ADMINISTRATOR, JAAS, answersTo, inWords, questionsOf } from './asking.ts'
import type { AnswersTo, Question } from './asking.ts'
import { DIFFERENCES } from './differences.ts'
import { REQUESTS } from './requests.ts'
import { ASKERS } from './rights.ts'
import type { Asker } from './rights.ts'

/**
 * What Apache Kafka 4.4.0 answers, by question. In soak, with OTTLA_KAFKA_JARS (the folder of Kafka's jars), all is asked
 * of a real one, whose answers must be these; OTTLA_RECORD=1 writes them down anew.
 */
const EXPECTED = join(process.cwd(), 'test/fixtures/authorization.json')

interface Captured {
  /** The principals' rights, in the order of the answers. */
  readonly rights: readonly string[]
  readonly questions: Readonly<Record<string, Answers>>
}

const captured = JSON.parse(readFileSync(EXPECTED, 'utf8')) as Captured
const all = questionsOf(REQUESTS)

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

/** Of either's node. */
const settingsAt = (broker: number, controller: number) => ({
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'sasl.enabled.mechanisms': 'PLAIN',
  'delegation.token.secret.key': 'of all nodes',
  'listener.name.sasl_plaintext.plain.sasl.jaas.config': JAAS,
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'super.users': `User:${ADMINISTRATOR}`,
  listeners: `SASL_PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}`,
  'advertised.listeners': `SASL_PLAINTEXT://127.0.0.1:${broker}`,
  'listener.security.protocol.map': 'SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
  'listener.name.controller.plain.sasl.jaas.config': JAAS,
  'security.inter.broker.protocol': 'SASL_PLAINTEXT',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'sasl.mechanism.controller.protocol': 'PLAIN',
  'controller.quorum.voters': `1@127.0.0.1:${controller}`,
})

test('each case has an answer of Apache Kafka', () => {
  expect(captured.rights).toEqual(ASKERS.map(({ rights }) => rights))
  expect(Object.keys(captured.questions)).toEqual(all.map(inWords))
  const asked = new Set(REQUESTS.map(({ api }) => api))
  const others = handlers.filter(({ api }) => !asked.has(api)).map(({ api }) => api.name)
  // One is a way of asking here, the others are how everybody says who he is.
  const waysIn = ['Envelope', 'SaslAuthenticate', 'SaslHandshake']
  expect(others.sort()).toEqual(waysIn)
})

describe('who asks with each right alone, missing or denied', () => {
  test('is answered as by Apache Kafka (soak)', async () => {
    const host = nodeHost({ log: { level: 'silent' } })
    const [broker, controller] = await freePorts(2)
    const running = await startBroker({
      host,
      directory: directories.make(),
      settings: settingsAt(broker!, controller!),
    })
    try {
      const questions = all.filter(isServed)
      const asks = soaking ? () => true : isConcerned
      const answers = await answersTo(questions, listenersAt(broker!, controller!), asks)
      expect(differences(answers)).toEqual([])
      const asked = [...answers.values()].flat().filter((answer) => answer !== undefined)
      expect(asked.length).toBeGreaterThan(2000)
    } finally {
      await running.close()
      await host.workers.close()
    }
  }, 600_000)
})

/**
 * Whether a principal's right is one of those that the API declares to demand. What else it may do matters to nobody, which
 * is tried in soak alone: ten times as many cases.
 */
function isConcerned({ about, rights }: Asker, { request: { api } }: Question): boolean {
  // Which patterns a name has is the same for all rights.
  if (about !== null && rights.endsWith('wildcard')) return false
  // What has been produced is fetched later on.
  if (about === null || api.name === Produce.name) return true
  const { access } = handlers.find((handler) => handler.api === api)!
  return access.needs.some(
    ({ operation, resourceType }) =>
      resourceType === about.type &&
      (about.operation === 'ALL' ||
        about.operation === operation ||
        // What may be described follows from other rights, and which there are is told.
        operation.startsWith('DESCRIBE')),
  )
}

/** Whether Ottla has this API. */
function isServed({ request: { api }, way }: Question): boolean {
  const listener = way === 'broker' ? 'broker' : 'controller'
  return handlers.some((handler) => handler.api === api && handler.listeners.includes(listener))
}

const listenersAt = (broker: number, controller: number) => ({
  broker: { host: '127.0.0.1', port: broker },
  controller: { host: '127.0.0.1', port: controller },
})

/** Each answer that is another one than Apache Kafka's, with those who get it. */
function differences(answers: AnswersTo, intended = DIFFERENCES): string[] {
  const found = new Map<string, string[]>()
  for (const [question, told] of answers) {
    const name = inWords(question)
    const wanted = intended.filter((each) => each.question === name)
    const expected = expanded(captured.questions[name]!).map((answer) =>
      wanted.reduce((changed, { kafka, ottla }) => changed.replace(kafka, ottla), answer),
    )
    told.forEach((answer, index) => {
      if (answer === undefined || answer === expected[index]) return
      const difference = `${name}\n  Kafka ${expected[index]}\n  Ottla ${answer}`
      const whose = found.get(difference) ?? []
      whose.push(ASKERS[index]!.rights)
      found.set(difference, whose)
    })
  }
  return Array.from(found, ([difference, whose]) => `${difference}\n  ${whose.join('; ')}`)
}

const jars = process.env['OTTLA_KAFKA_JARS']
const isRecording = process.env['OTTLA_RECORD'] === '1'
// It takes more than a minute, and Apache Kafka stays what it is.
const withKafka = jars !== undefined && (soaking || isRecording) ? test : test.skip
withKafka(
  'Apache Kafka answers the same (soak; needs OTTLA_KAFKA_JARS)',
  async () => {
    const [broker, controller] = await freePorts(2)
    const apache = await apacheUnderTest(directories.make(), settingsAt(broker!, controller!))
    try {
      await apache.start()
      const answers = await answersTo(all, listenersAt(broker!, controller!))
      if (isRecording) {
        const rights = ASKERS.map((asker) => asker.rights)
        const told = { rights, questions: compact(answers) }
        writeFileSync(EXPECTED, `${JSON.stringify(told, null, 1)}\n`)
      } else {
        expect(differences(answers, [])).toEqual([])
      }
    } catch (error) {
      throw new Error(`${String(error)}\n${apache.tail()}`, { cause: error })
    } finally {
      await apache.stop()
    }
  },
  600_000,
)
