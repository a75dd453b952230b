import { type Driver } from './driver.ts'
import { checkReadBack, sentRecord } from './records.ts'
import { type SuiteRun } from './scenario.ts'
import { SecuredBroker, nobody } from './secured-broker.ts'
import {
  type Abilities,
  type SecuredName,
  abilitiesOf,
  refusalOf,
  securedNames,
} from './secured-clients.ts'
import { type Protection, type Security, protections } from './security.ts'

/** A client, and how to start its driver. */
export interface SecuredClient {
  readonly name: SecuredName
  readonly abilities: Abilities
  drive(bootstrap: string, security: Security): Driver | Promise<Driver>
}

interface Pair {
  readonly client: SecuredClient
  readonly protection: Protection
}

const count = 20
const parallel = 2

const userOf = ({ client, protection }: Pair): string =>
  protection === 'SSL' ? nobody : client.name

/** The name of a pair's topic and of its group. */
const nameOf = (pair: Pair): string => {
  const name = `${pair.client.name}-${pair.protection.replaceAll(/\W/g, '-')}`
  return SecuredBroker.ownedBy(userOf(pair), name)
}

const expectRefusal = async (
  driver: Driver,
  ask: { topic: string; security?: Security },
  expected: RegExp,
  what: string,
): Promise<void> => {
  const { refusal } = await driver.call('knock', ask)
  if (refusal === null) throw new Error(`${what}: it was let in`)
  if (!expected.test(refusal)) throw new Error(`${what}: ${String(expected)} is not in: ${refusal}`)
}

/** It writes, reads as a member of a group, and commits. */
const useTopic = async (broker: SecuredBroker, driver: Driver, pair: Pair): Promise<void> => {
  const name = nameOf(pair)
  const limits = pair.client.abilities.records ?? {}
  const sent = Array.from({ length: count }, (_, index) => sentRecord(index, limits))
  await driver.call('produce', { topic: name, codec: 'none', records: sent })
  const { records } = await driver.call('work', { topic: name, group: name, count })
  checkReadBack(sent, records)
  const committed = await broker.committed(name, name)
  if (committed !== count) throw new Error(`it committed ${committed}`)
}

const tryPair = async ({ broker, keep }: SuiteRun<SecuredBroker>, pair: Pair): Promise<void> => {
  const { client, protection } = pair
  const { name, abilities } = client
  const security = await broker.securityOf(name, protection)
  const driver = keep(await client.drive(broker.bootstrapOf(protection), security))
  await useTopic(broker, driver, pair)
  const { topicRefused, topicHidden = topicRefused } = abilities
  await expectRefusal(driver, { topic: 'shown' }, topicRefused, 'on a topic that it may describe')
  await expectRefusal(driver, { topic: 'hidden' }, topicHidden, 'on a topic that it may not see')
  const wrong = await broker.wrongSecurityOf(name, protection)
  const ask = { topic: nameOf(pair), security: wrong }
  await expectRefusal(driver, ask, refusalOf(abilities, protection), 'with wrong credentials')
  // A broker that is gone lets nobody in, either.
  if ((await broker.committed(nameOf(pair), nameOf(pair))) !== count)
    throw new Error('the broker is not what it was')
  await driver.close()
}

/** Clients to try, by OTTLA_CLIENTS_SECURED=name,name some of them. */
const askedNames = (): readonly SecuredName[] => {
  const asked = process.env['OTTLA_CLIENTS_SECURED']?.split(',')
  return securedNames.filter((name) => asked === undefined || asked.includes(name))
}

/** Each client by each protection that it can do, two of them at a time. */
export const securedScenario = async (
  run: SuiteRun<SecuredBroker>,
  driveBy: (name: SecuredName) => SecuredClient['drive'],
): Promise<void> => {
  const queue = askedNames().flatMap((name) => {
    const client = { name, abilities: abilitiesOf(name), drive: driveBy(name) }
    return protections
      .filter((protection) => client.abilities.cannot?.[protection] === undefined)
      .map((protection): Pair => ({ client, protection }))
  })
  await run.broker.addTopics(queue.map(nameOf))
  const work = async (): Promise<void> => {
    for (let pair = queue.shift(); pair !== undefined; pair = queue.shift()) {
      const each = pair
      await run.step(`${each.client.name}, ${each.protection}`, () => tryPair(run, each))
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
}
