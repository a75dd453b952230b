import { type BrokerUnderTest } from './broker.ts'
import { type Driver, startDriver } from './driver.ts'
import { type SuiteRun } from './scenario.ts'
import { eventually } from './wait.ts'

type Call = Driver['call']

interface DriverOptions {
  readonly broker: BrokerUnderTest
  /** What its `produce` sends again may be there twice: no broker is killed meanwhile. */
  readonly doubles: boolean
}

/** What is asked until it is answered. */
const again = async <Reply>(call: () => Promise<Reply>, what: string): Promise<Reply> => {
  let reply: Reply | undefined
  const isAnswered = async (): Promise<boolean> => {
    reply = await call()
    return true
  }
  await eventually(isAnswered, what)
  return reply!
}

/** What clients say of a topic that was made by a request whose answer was lost. */
const isThereAlready = (error: unknown): boolean =>
  error instanceof Error && /already[ _]?exist|TopicExists/i.test(error.message)

/**
 * A driver by which a topic that couldn't be made is made again, and may be there by then: clients ask for some seconds (kafka-go
 * two), and a disk that is busy may take longer. After a connection that has ended they send CreateTopics again, Apache's too.
 */
export const makingPatiently = (driver: Driver): Driver => {
  const create = async (ask: Parameters<Call>[1]): Promise<object> => {
    const isMade = async (): Promise<boolean> => {
      await driver.call('create', ask as never).catch((error: unknown) => {
        if (!isThereAlready(error)) throw error
      })
      return true
    }
    await eventually(isMade, 'the topic to be made')
    return {}
  }
  const call: Call = (name, ask, limitMs) =>
    name === 'create' ? (create(ask) as never) : driver.call(name, ask, limitMs)
  return { ...driver, call }
}

/**
 * A driver whose user knows that brokers die. What a group has committed is asked again: some clients ask once (kafkajs, kafka-go).
 */
const patient = (driver: Driver, { doubles, broker }: DriverOptions): Driver => {
  const call: Call = (name, ask, limitMs) => {
    const run = () => driver.call(name, ask, limitMs)
    if (name === 'committed') return again(run, `the committed offsets of ${driver.name}`)
    return name === 'produce' && doubles ? broker.calmly(run) : run()
  }
  return { ...driver, call }
}

/** Starts a driver for a suite, which is ended with it. */
export const driverOf = (
  { broker, keep }: Pick<SuiteRun, 'broker' | 'keep'>,
  name: string,
  command: readonly string[],
  { environment, doubles = false }: { environment?: NodeJS.ProcessEnv; doubles?: boolean } = {},
): Driver => {
  const driver = makingPatiently(keep(startDriver(name, command, broker.bootstrap, environment)))
  return broker.brokers === 1 ? driver : patient(driver, { broker, doubles })
}
