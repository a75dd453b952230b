import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { Account, type Commands, type Driver } from './driver.ts'
import { type ReadRecord, type SentRecord } from './records.ts'
import { type Security } from './security.ts'
import { OutputTail, eachLine, eventually, exited, within } from './wait.ts'

type Actions = {
  [Name in keyof Commands]: (ask: Commands[Name]['ask']) => Promise<Commands[Name]['reply']>
}

interface Line {
  readonly partition: number
  readonly offset: number
  readonly headers?: readonly string[]
  readonly key: string | null
  readonly payload: string | null
}

interface Listing {
  readonly topics: readonly { readonly partitions: readonly unknown[] }[]
}

/** A line of kcat's -J output as a record. */
const recordOf = (text: string): ReadRecord => {
  const { partition, offset, headers = [], key, payload } = JSON.parse(text) as Line
  const pairs = headers.flatMap((name, index) =>
    index % 2 === 0 ? [[name, headers[index + 1]!] as const] : [],
  )
  return [partition, offset, key, payload, pairs]
}

/** A numbered record as a line of 128 bytes: kcat reads that many at once, so that no line waits for another. */
const streamLine = (number: number): string =>
  `${`${number}~`.padEnd(127 - 9)}${`${number}`.padStart(9)}\n`

/** What kcat is told how to connect; it has no way to a token. */
const securedBy = (security: Security | null): readonly string[] => {
  if (security === null) return []
  const settings = {
    'security.protocol': security.protocol,
    'ssl.ca.location': security.ca,
    'ssl.certificate.location': security.cert,
    'ssl.key.location': security.key,
    'sasl.mechanism': security.mechanism,
    'sasl.username': security.user,
    'sasl.password': security.password,
  }
  return Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : ['-X', `${name}=${value}`],
  )
}

/** Commands of the driver language as runs of kcat, each a process of its own. */
export const kcatDriver = (bootstrap: string, given: Security | null = null): Driver => {
  const account = new Account()
  const output = new OutputTail()
  const children = new Set<ChildProcess>()
  const members = new Map<string, ChildProcess>()
  const stopped = new Set<string>()
  /** Topics of which partition 0 alone has records. */
  const streamed = new Set<string>()
  let isClosed = false

  const start = (...args: string[]): ChildProcess => startBy(given, ...args)

  const startBy = (security: Security | null, ...args: string[]): ChildProcess => {
    if (isClosed) throw new Error('the suite is over')
    const common = ['-b', bootstrap, '-X', 'reconnect.backoff.max.ms=500']
    const child = spawn('kcat', [...common, ...securedBy(security), ...args])
    output.note(`--- kcat ${args.join(' ')}`)
    output.followStream(child.stderr)
    child.stdin.on('error', (error) => output.note(String(error)))
    children.add(child)
    child.once('close', () => children.delete(child))
    return child
  }

  const finished = async (child: ChildProcess): Promise<void> => {
    await exited(child)
    if (child.exitCode !== 0)
      throw new Error(`kcat ended with ${child.signalCode ?? child.exitCode}`)
  }

  const send = async (topic: string, records: readonly SentRecord[], ...args: string[]) => {
    const headers = records[0]![2].flatMap(([name, value]) => ['-H', `${name}=${value}`])
    // Idempotent, so that a retry can't change the order.
    const order = ['-X', 'enable.idempotence=true']
    const child = start('-P', '-t', topic, '-K', '~', ...order, ...headers, ...args)
    child.stdin!.end(records.map(([key, value]) => `${key}~${value}\n`).join(''))
    await finished(child)
  }

  /** Reads until kcat ends by itself or a record of the value `end` came. */
  const read = async (end: string | undefined, ...args: string[]): Promise<ReadRecord[]> => {
    const child = start('-J', '-u', ...args)
    const records: ReadRecord[] = []
    let isOver = false
    eachLine(child.stdout!, (line) => {
      if (isOver) return
      const record = recordOf(line)
      records.push(record)
      if (end === undefined || record[3] !== end) return
      isOver = true
      child.kill('SIGTERM')
    })
    await exited(child)
    if (child.exitCode !== 0 && !isOver) throw new Error(`kcat ended with ${child.exitCode}`)
    return records
  }

  /** kcat ends when its last broker is gone; like a supervisor this starts it again until it is told to leave. */
  const watchMember = (member: string, topic: string, group: string, before = 0): void => {
    const times = ['-X', 'session.timeout.ms=6000', '-X', 'heartbeat.interval.ms=500']
    const from = ['-X', 'auto.offset.reset=earliest']
    const child = start('-G', group, '-u', '-J', ...times, ...from, topic)
    members.set(member, child)
    let count = before
    eachLine(child.stdout!, () => account.take({ event: 'consumed', member, count: ++count }))
    eachLine(child.stderr!, (line) => {
      const change = /Group .* rebalanced .*: (assigned|revoked): (.*)$/.exec(line)
      if (change === null) return
      const listed = change[1] === 'assigned' ? change[2]!.matchAll(/\[(\d+)\]/g) : []
      const partitions = [...listed].map((each) => Number(each[1]))
      account.take({ event: 'assigned', member, partitions })
    })
    child.once('close', () => {
      if (members.get(member) !== child || isClosed) return
      setTimeout(() => {
        if (!isClosed) watchMember(member, topic, group, count)
      }, 200)
    })
  }

  /** One process that sends the numbers from `first` on, until told to stop or it ends; how far it got. */
  const streamRun = async (
    topic: string,
    first: number,
    isStopped: () => boolean,
    delivered: () => void,
  ): Promise<number> => {
    const place = ['-t', topic, '-p', '0', '-K', '~']
    const child = start('-P', '-vvv', ...place, '-X', 'enable.idempotence=true')
    let [sent, acked] = [first, first]
    eachLine(child.stderr!, (line) => {
      if (!line.includes('Message delivered to partition')) return
      acked++
      delivered()
    })
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
    while (!isStopped() && !isOver()) {
      // kcat looks for acknowledgements only between two lines: so one is sent even when enough are in flight.
      const count = sent - acked > 2000 ? 1 : 100
      child.stdin!.write(Array.from({ length: count }, (_, at) => streamLine(sent + at)).join(''))
      sent += count
      await delay(20)
    }
    child.stdin!.end()
    await exited(child)
    return sent
  }

  const actions: Actions = {
    // kcat has no command for it: the broker makes the topic when it is first asked about.
    create: async ({ topic }) => {
      let isThere = false
      const isMade = async (): Promise<boolean> => {
        const child = start('-L', '-J', '-t', topic)
        eachLine(child.stdout!, (line) => {
          isThere ||= (JSON.parse(line) as Listing).topics[0]!.partitions.length > 0
        })
        await finished(child)
        return isThere
      }
      // It waits five seconds for a broker that tells it of the topic.
      await eventually(isMade, `${topic} to be made`)
      return {}
    },
    produce: async ({ topic, codec, records }) => {
      // What ends a stream is read after it.
      const place = streamed.has(topic) ? ['-p', '0'] : []
      await send(topic, records, '-z', codec, ...place)
      return {}
    },
    consume: async ({ topic, count, until: end }) => {
      const amount = count === undefined ? [] : ['-c', `${count}`]
      return { records: await read(end, '-C', '-t', topic, '-o', 'beginning', ...amount) }
    },
    work: async ({ topic, group, count }) => {
      const from = ['-X', 'auto.offset.reset=earliest']
      return { records: await read(undefined, '-G', group, '-c', `${count}`, ...from, topic) }
    },
    // Another client reads what kcat committed.
    committed: async ({ topic, group }) => {
      const admin = new kafkajs.Kafka({ brokers: bootstrap.split(',') }).admin()
      await admin.connect()
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      await admin.disconnect()
      const known = found!.partitions.filter(({ offset }) => offset !== '-1')
      return {
        offsets: Object.fromEntries(known.map((each) => [each.partition, Number(each.offset)])),
      }
    },
    seek: async ({ topic, partition, offset, count }) => {
      const place = ['-p', `${partition}`, '-o', `${offset}`, '-c', `${count}`]
      return { records: await read(undefined, '-C', '-t', topic, ...place) }
    },
    join: async ({ member, topic, group }) => {
      watchMember(member, topic, group)
      return {}
    },
    leave: async ({ member }) => {
      const child = members.get(member)!
      members.delete(member)
      child.kill('SIGTERM')
      await finished(child)
      return {}
    },
    stream: async ({ stream, topic }) => {
      streamed.add(topic)
      let acked = 0
      while (!stopped.has(stream)) {
        const first = acked
        const run = streamRun(
          topic,
          first,
          () => stopped.has(stream),
          () => {
            account.take({ event: 'acked', stream, count: ++acked })
          },
        )
        const sent = await run
        if (stopped.has(stream) && sent === acked) break
        if (!stopped.has(stream)) await delay(200)
      }
      return { sent: acked, failed: [] }
    },
    stop: async ({ stream }) => {
      stopped.add(stream)
      return {}
    },
    knock: async ({ topic, security = given }) => {
      const child = startBy(security, '-P', '-t', topic, '-X', 'message.timeout.ms=30000')
      const said: string[] = []
      eachLine(child.stderr!, (line) => said.push(line))
      child.stdin!.end('knock\n')
      await exited(child)
      return { refusal: child.exitCode === 0 ? null : said.join('\n') }
    },
  }

  const kill9 = async (): Promise<void> => {
    isClosed = true
    const all = [...children]
    for (const child of all) child.kill('SIGKILL')
    await Promise.all(all.map((child) => exited(child)))
  }
  return {
    name: 'kcat',
    assigned: account.assigned,
    consumed: account.consumed,
    acked: account.acked,
    call: (name, ask, limitMs = 150_000) =>
      within(actions[name as keyof Actions](ask as never), `kcat: ${name}`, limitMs) as never,
    kill9,
    close: kill9,
    tail: () => output.tail(40),
  }
}
