import { renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Http, Logger } from '../../../../src/host/host.ts'
import { systemDisk } from '../../../../src/host/disk.ts'
import { KeyEndpoint, KeyFile } from '../../../../src/security/sasl/oauth/keys.ts'
import { PassingClock } from '../../../replication/quota/passing-clock.ts'
import { keySetOf, SigningKey } from '../../../support/identity-provider.ts'
import { temporaryDirectories } from '../../../support/temporary.ts'

const rules = { issuer: null, audiences: [], skewSeconds: 30, nowMs: Date.now() }
const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

let [one, two]: SigningKey[] = []
beforeAll(async () => {
  ;[one, two] = await Promise.all([SigningKey.make('one'), SigningKey.make('two')])
})

const lines: string[] = []
const note = (_: object, line: string): void => void lines.push(line)
const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log }

/** A server of keys of which each answer is given by the test. */
function served() {
  const waiting: { resolve: (body: Buffer) => void; reject: (error: Error) => void }[] = []
  const http: Http = {
    get: () => new Promise((resolve, reject) => void waiting.push({ resolve, reject })),
    post: () => Promise.reject(new Error('nothing is sent')),
  }
  const clock = new PassingClock()
  const endpoint = new KeyEndpoint(
    { clock, log, network: { http } as never },
    {
      url: 'https://name:password@idp.test/keys?secret',
      tls: null,
      refreshMs: 3_600_000,
      retryBackoffMs: 100,
      retryBackoffMaxMs: 400,
    },
  )
  let asked = 0
  const turn = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return {
    endpoint,
    clock,
    asked: () => asked + waiting.length,
    isWaiting: () => waiting.length > 0,
    async give(...keys: SigningKey[]) {
      asked++
      waiting.shift()!.resolve(Buffer.from(keySetOf(...keys)))
      await turn()
    },
    async fail() {
      asked++
      waiting.shift()!.reject(new Error('nobody answers'))
      await turn()
    },
    claims: async (key: SigningKey) => endpoint.claimsOf(await key.token(), rules),
  }
}

describe('keys of a server', () => {
  test('are fetched once, whoever waits for them', async () => {
    const server = served()
    const claims = [server.claims(one!), server.claims(one!)]
    await server.give(one!)
    expect((await Promise.all(claims)).map(({ sub }) => sub)).toEqual(['alice', 'alice'])
    expect(server.asked()).toBe(1)
    server.endpoint.close()
  })

  test('that are not known are fetched once for all, and again only after a while', async () => {
    const server = served()
    await server.give(one!)
    const tokens = await Promise.all(Array.from({ length: 50 }, () => two!.token()))
    const claims = tokens.map((token) => server.endpoint.claimsOf(token, rules))
    const first = claims[0]!.then(
      () => null,
      (error: Error) => error,
    )
    await untilWaiting(server)
    expect(server.asked()).toBe(2)
    // Whose key is known doesn't wait for them.
    expect((await server.claims(one!)).sub).toBe('alice')
    await server.give(one!)
    expect(await first).toMatchObject({ name: 'UnknownKeyError' })
    await Promise.allSettled(claims)
    for (let i = 0; i < 20; i++)
      await expect(server.claims(two!)).rejects.toThrow('not among those of')
    expect(server.asked()).toBe(2)
    server.clock.pass(10_000)
    const rotated = server.claims(two!)
    await untilWaiting(server)
    await server.give(one!, two!)
    expect((await rotated).sub).toBe('alice')
    expect(server.asked()).toBe(3)
    server.endpoint.close()
  })

  test('are fetched again from time to time, and stay good where that fails', async () => {
    const server = served()
    await server.give(one!)
    server.clock.pass(3_600_000)
    await server.fail()
    expect((await server.claims(one!)).sub).toBe('alice')
    for (const ms of [100, 200, 400, 400]) {
      expect(server.isWaiting()).toBe(false)
      server.clock.pass(ms - 1)
      expect(server.isWaiting()).toBe(false)
      server.clock.pass(1)
      await server.fail()
    }
    server.clock.pass(400)
    await server.give(two!)
    expect((await server.claims(two!)).sub).toBe('alice')
    server.endpoint.close()
  })

  test('that never came are no reason to let anybody in, nor to wait', async () => {
    const server = served()
    await server.fail()
    await expect(server.claims(one!)).rejects.toThrow(
      'no keys could be fetched from https://idp.test/keys',
    )
    server.endpoint.close()
    server.clock.pass(1_000_000)
    expect(server.asked()).toBe(1)
  })

  test('are told of without what stands in their address', () => {
    expect(lines.join('\n')).toContain('could not be fetched: nobody answers')
    expect(lines.join('\n')).not.toMatch(/password|secret/)
  })
})

async function untilWaiting(server: { isWaiting(): boolean }): Promise<void> {
  while (!server.isWaiting()) await new Promise((resolve) => setImmediate(resolve))
}

describe('keys in a file', () => {
  test('are those of the file as it is now; a broken one changes nothing', async () => {
    const path = join(directories.make(), 'keys.json')
    writeFileSync(path, keySetOf(one!))
    const file = new KeyFile({ disk: systemDisk(), log }, path)
    const replace = (text: string, seconds: number) => {
      writeFileSync(path, text)
      utimesSync(path, seconds, seconds)
    }
    expect((await file.claimsOf(await one!.token(), rules)).sub).toBe('alice')
    await expect(file.claimsOf(await two!.token(), rules)).rejects.toThrow('not known')
    replace('{"keys"', 1_000)
    expect((await file.claimsOf(await one!.token(), rules)).sub).toBe('alice')
    replace(keySetOf(two!), 2_000)
    expect((await file.claimsOf(await two!.token(), rules)).sub).toBe('alice')
    await expect(file.claimsOf(await one!.token(), rules)).rejects.toThrow('not known')
    file.close()
  })

  test('are told of once where they are gone or broken, however many try to log in meanwhile', async () => {
    const path = join(directories.make(), 'keys.json')
    writeFileSync(path, keySetOf(one!))
    utimesSync(path, 1_000, 1_000)
    const file = new KeyFile({ disk: systemDisk(), log }, path)
    const token = await one!.token()
    const tries = async (): Promise<number> => {
      const before = lines.length
      for (let i = 0; i < 3; i++) {
        await expect(file.claimsOf('junk', rules)).rejects.toThrow()
        expect((await file.claimsOf(token, rules)).sub).toBe('alice')
      }
      return lines.length - before
    }
    expect(await tries()).toBe(0)
    renameSync(path, `${path}.old`)
    expect(await tries()).toBe(1)
    renameSync(`${path}.old`, path)
    expect(await tries()).toBe(0)
    renameSync(path, `${path}.old`)
    expect(await tries()).toBe(1)
    writeFileSync(path, '{"keys"')
    expect(await tries()).toBe(1)
    expect(lines.at(-1)).toContain(path)
  })
})
