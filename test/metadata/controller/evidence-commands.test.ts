import type {
  BrokerRegistration,
  ControllerCommand,
} from '../../../src/metadata/controller/commands.ts'
import type { ControllerSettings } from '../../../src/metadata/controller/view.ts'
import type { PartitionImage } from '../../../src/metadata/image.ts'
import {
  ask,
  broker,
  controllerOf,
  decide,
  heartbeat,
  NO_RULES,
  partition,
  partitionIn,
  register,
} from './tested-controller.ts'
import type { TestedController } from './tested-controller.ts'

const SESSION_MS = 9000
const SUSPECTED_AT = 1000

/** Brokers 1 to 3, which serve and have been heard of, with a partition that the first two have in sync; 1 leads it. */
function serving(
  parts: Partial<PartitionImage> = {},
  settings: Partial<ControllerSettings> = {},
): TestedController {
  const all = [1, 2, 3].map((id) => broker(id))
  const controller = controllerOf(
    [...all, ...partition([1, 2, 3], { isr: [1, 2], ...parts })],
    NO_RULES,
    settings,
  )
  for (const id of [1, 2, 3]) decide(controller, heartbeat(id, id - 1), 0)
  return controller
}

function suspect(controller: TestedController, now = SUSPECTED_AT, brokerEpoch = 0) {
  return ask(controller, { type: 'suspectBroker', brokerId: 1, brokerEpoch }, now).suspectedAt
}

const fence = (suspectedAt: number, brokerEpoch = 0): ControllerCommand => ({
  type: 'fenceDeadBroker',
  brokerId: 1,
  brokerEpoch,
  suspectedAt,
})

const isFenced = (controller: TestedController): boolean => controller.image.brokers.get(1)!.fenced

/** A new life of broker 1, on the same directories. */
const again = (letter: string, parts: Partial<BrokerRegistration> = {}): ControllerCommand => {
  const registration = { ...register(1), incarnationId: letter.repeat(22), ...parts }
  return registration as ControllerCommand
}

describe('a broker whose process has ended, as far as its machine says', () => {
  test('is fenced, leaves the ISR, and another one that is in sync leads', () => {
    const controller = serving()
    expect(suspect(controller)).toBe(SUSPECTED_AT)
    expect(ask(controller, fence(SUSPECTED_AT), 1200)).toEqual({ isFenced: true })
    expect(isFenced(controller)).toBe(true)
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 1 })
    expect(ask(controller, fence(SUSPECTED_AT), 1200)).toEqual({ isFenced: false })
  })

  test('keeps its session where a heartbeat has come since, whatever was suspected again', () => {
    const controller = serving()
    suspect(controller)
    decide(controller, heartbeat(1, 0), 1100)
    expect(ask(controller, fence(SUSPECTED_AT), 1200)).toEqual({ isFenced: false })
    expect(suspect(controller, 1150)).toBe(1150)
    expect(ask(controller, fence(SUSPECTED_AT), 1200)).toEqual({ isFenced: false })
    expect(isFenced(controller)).toBe(false)
  })

  test('is another life of it than was looked into: nothing happens', () => {
    const controller = serving()
    expect(suspect(controller, SUSPECTED_AT, 7)).toBeNull()
    suspect(controller)
    expect(ask(controller, fence(SUSPECTED_AT, 7), 1200)).toEqual({ isFenced: false })
    expect(isFenced(controller)).toBe(false)
  })

  test('is fenced already: nothing happens', () => {
    const controller = serving()
    decide(controller, heartbeat(1, 0, { wantFence: true }), 500)
    suspect(controller)
    const before = controller.nextOffset
    expect(ask(controller, fence(SUSPECTED_AT), 1200)).toEqual({ isFenced: false })
    expect(controller.nextOffset).toBe(before)
  })

  test('is suspected by nobody where that is switched off', () => {
    const controller = serving({}, { fencesOnEvidence: false })
    expect(suspect(controller)).toBeNull()
  })

  test('has its whole session after three such times within ten minutes', () => {
    const controller = serving()
    const die = (now: number): boolean => {
      const epoch = controller.image.brokers.get(1)!.epoch
      if (isFenced(controller)) decide(controller, heartbeat(1, epoch), now)
      suspect(controller, now + 1)
      return (ask(controller, fence(now + 1), now + 2) as { isFenced: boolean }).isFenced
    }
    expect([0, 1000, 2000, 3000].map((now) => die(10_000 + now))).toEqual([true, true, true, false])
    expect(die(10_000 + 600_000)).toBe(true)
    expect(die(10_500 + 600_000)).toBe(false)
  })
})

describe('who lacks records leads instead of a broker that was fenced on evidence', () => {
  const brave = { topicDefaults: { minInsyncReplicas: 1, isUncleanAllowed: true } }
  const alone = { isr: [1] }

  test('only when the session of that one would be over', () => {
    const controller = serving(alone, brave)
    suspect(controller)
    const { alarms } = decide(controller, fence(SUSPECTED_AT), 1200)
    expect(partitionIn(controller)).toMatchObject({ leader: -1, isr: [1] })
    decide(controller, { alarm: 'unclean leaders' }, 5000)
    decide(controller, heartbeat(2, 1, { wantFence: true }), 5000)
    decide(controller, heartbeat(2, 1), 5000)
    expect(partitionIn(controller).leader).toBe(-1)
    const awaited = alarms!.find(({ at }) => at !== null)!
    expect(awaited.at).toBe(SESSION_MS)
    decide(controller, { alarm: awaited.name }, SESSION_MS)
    expect(partitionIn(controller).leader).toBe(2)
  })

  test('and never where it is back by then', () => {
    const controller = serving(alone, brave)
    suspect(controller)
    decide(controller, fence(SUSPECTED_AT), 1200)
    const epoch = controller.nextOffset
    expect(ask(controller, again('k'), 1500)).toMatchObject({ brokerEpoch: epoch })
    expect(partitionIn(controller).leader).toBe(-1)
    decide(controller, heartbeat(1, epoch), 2000)
    expect(partitionIn(controller).leader).toBe(1)
    decide(controller, { alarm: 'awaited 1' }, SESSION_MS)
    expect(partitionIn(controller)).toMatchObject({ leader: 1, isr: [1] })
  })

  test('nor at once under a controller that has just taken office, and does not know when it was fenced', () => {
    const fenced = [broker(1, { fenced: true }), broker(2), broker(3)]
    const leaderless = partition([1, 2, 3], { isr: [1], leader: -1 })
    const controller = controllerOf([...fenced, ...leaderless], NO_RULES, brave)
    decide(controller, { type: 'activate', bootstrap: [], openTransaction: false }, 100)
    decide(controller, { alarm: 'unclean leaders' }, 5000)
    expect(partitionIn(controller).leader).toBe(-1)
    decide(controller, { alarm: 'awaited 1' }, 100 + SESSION_MS)
    expect(partitionIn(controller).leader).toBe(2)
  })
})

describe('a new life of a broker whose session is not over', () => {
  const duplicate = { errorCode: 'DUPLICATE_BROKER_REGISTRATION' }

  test('is another broker with the same id, as long as nothing says that the life before has ended', () => {
    const controller = serving()
    expect(ask(controller, again('k'), 1100)).toMatchObject(duplicate)
    suspect(controller)
    decide(controller, heartbeat(1, 0), 1050)
    expect(ask(controller, again('k'), 1100)).toMatchObject(duplicate)
  })

  test('has the same directories, which it has locked: the life before is over, and others lead', () => {
    const controller = serving()
    suspect(controller)
    expect(ask(controller, again('k'), 1100)).toMatchObject({ errorCode: 'NONE' })
    expect(isFenced(controller)).toBe(true)
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2] })
  })

  test.each([
    ['others', { logDirs: ['x'.repeat(21) + 'Q', 'y'.repeat(21) + 'Q'] }],
    ['fewer of them', { logDirs: ['1' + 'd'.repeat(20) + 'Q'] }],
    ['them, and can lock none', { lacksLock: true }],
  ])('has %s: that says nothing of the life before', (_, parts) => {
    const controller = serving()
    suspect(controller)
    expect(ask(controller, again('k', parts), 1100)).toMatchObject(duplicate)
  })

  test('is one too many within ten minutes', () => {
    const controller = serving()
    for (const letter of ['k', 'l', 'm']) {
      const { epoch } = controller.image.brokers.get(1)!
      decide(controller, heartbeat(1, epoch), 1000)
      suspect(controller, 1000, epoch)
      expect(ask(controller, again(letter), 1100)).toMatchObject({ errorCode: 'NONE' })
    }
    const { epoch } = controller.image.brokers.get(1)!
    decide(controller, heartbeat(1, epoch), 1200)
    suspect(controller, 1200, epoch)
    expect(ask(controller, again('n'), 1300)).toMatchObject(duplicate)
  })

  test('that was fenced still, as it started, has lost nothing and counts for nothing', () => {
    const controller = serving()
    decide(controller, heartbeat(1, 0, { wantFence: true }), 500)
    for (const letter of ['k', 'l', 'm', 'n']) {
      suspect(controller, 1000, controller.image.brokers.get(1)!.epoch)
      expect(ask(controller, again(letter), 1100)).toMatchObject({ errorCode: 'NONE' })
    }
  })
})
