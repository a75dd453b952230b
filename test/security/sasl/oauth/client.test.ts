import type { SaslClientExchange } from '../../../../src/peer/security.ts'
import { OAuthLogin } from '../../../../src/security/sasl/oauth/client.ts'
import { base64 } from '../../../support/identity-provider.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const token = (name: string, lifeSeconds: number, fromMs = NOW_MS): string =>
  `${base64({ alg: 'none' })}.${base64({ sub: name, exp: fromMs / 1000 + lifeSeconds })}.`

function login() {
  const waiting: { resolve: (token: string) => void; reject: (error: Error) => void }[] = []
  const clock = { nowMs: NOW_MS, now: () => clock.nowMs }
  const source = {
    name: 'https://idp.test/token',
    token: () => new Promise<string>((resolve, reject) => void waiting.push({ resolve, reject })),
  }
  return { waiting, clock, login: new OAuthLogin(source, new Map([['trace', 'a b']]), clock) }
}
const said = async (exchange: Promise<SaslClientExchange>): Promise<string> =>
  (await (await exchange).next(null))!.toString()
/** What has been asked for comes after turns of promises alone. */
const asked = async (waiting: readonly unknown[], times: number): Promise<void> => {
  for (let turn = 0; turn < 20 && waiting.length < times; turn++) await Promise.resolve()
  expect(waiting).toHaveLength(times)
}

test('connections share a token for four fifths of its life', async () => {
  const { waiting, clock, login: oauth } = login()
  const both = [said(oauth.begin()), said(oauth.begin())]
  await asked(waiting, 1)
  const first = token('first', 100)
  waiting[0]!.resolve(`${first}\n`)
  const expected = `n,,\x01auth=Bearer ${first}\x01trace=a b\x01\x01`
  expect(await Promise.all(both)).toEqual([expected, expected])
  clock.nowMs += 79_999
  expect(await said(oauth.begin())).toBe(expected)
  clock.nowMs += 1
  const later = [said(oauth.begin()), said(oauth.begin())]
  await asked(waiting, 2)
  const next = token('next', 100, clock.nowMs)
  waiting[1]!.resolve(next)
  for (const text of await Promise.all(later)) expect(text).toContain(next)
  await asked(waiting, 2)
})

test('what came to nothing is asked for again', async () => {
  const { waiting, login: oauth } = login()
  const failed = oauth.begin()
  await asked(waiting, 1)
  waiting[0]!.reject(new Error('nobody is there'))
  await expect(failed).rejects.toThrow('nobody is there')
  const over = oauth.begin()
  await asked(waiting, 2)
  waiting[1]!.resolve(token('over', 0))
  await expect(over).rejects.toThrow('https://idp.test/token has expired 0 s ago')
  const again = said(oauth.begin())
  await asked(waiting, 3)
  waiting[2]!.resolve(token('again', 1))
  expect(await again).toContain('auth=Bearer')
})

test('a token is good until it ends where no other one comes', async () => {
  const { waiting, clock, login: oauth } = login()
  const begun = said(oauth.begin())
  await asked(waiting, 1)
  waiting[0]!.resolve(token('first', 100))
  const first = await begun
  for (const [times, atMs] of [
    [2, 80_000],
    [3, 99_999],
  ] as const) {
    clock.nowMs = NOW_MS + atMs
    const later = said(oauth.begin())
    await asked(waiting, times)
    waiting[times - 1]!.reject(new Error('nobody is there'))
    expect(await later).toBe(first)
  }
  clock.nowMs = NOW_MS + 100_000
  const over = oauth.begin()
  await asked(waiting, 4)
  waiting[3]!.reject(new Error('nobody is there'))
  await expect(over).rejects.toThrow('nobody is there')
})

test('who is refused says that it has seen why, and is not let in after that', async () => {
  const { waiting, login: oauth } = login()
  const begun = oauth.begin()
  await asked(waiting, 1)
  waiting[0]!.resolve(token('a', 100))
  const exchange = await begun
  await exchange.next(null)
  const told = await exchange.next(Buffer.from('{"status":"invalid_token"}'))
  expect(told).toEqual(Buffer.from('\x01'))
  await expect(exchange.next(Buffer.alloc(0))).rejects.toThrow('has refused the token')
  const other = await oauth.begin()
  await other.next(null)
  expect(await other.next(Buffer.alloc(0))).toBeNull()
})
