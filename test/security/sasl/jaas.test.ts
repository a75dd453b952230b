import { parseJaas } from '../../../src/security/sasl/jaas.ts'

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'

describe('a JAAS configuration', () => {
  test.each([
    [`${PLAIN} required user_a="b";`, { user_a: 'b' }],
    [`${PLAIN} required\n  username='a' // who\n  user_a=b;`, { username: 'a', user_a: 'b' }],
    [
      `${PLAIN} REQUIRED user_a="with \\"quotes\\" ; and = signs" ;`,
      { user_a: 'with "quotes" ; and = signs' },
    ],
    [`/* all */ ${PLAIN} required user_a="";`, { user_a: '' }],
    [`${PLAIN} required;`, {}],
  ])('%s', (text, options) => {
    const entry = parseJaas(text)
    expect(entry.module).toBe(PLAIN)
    expect(Object.fromEntries(entry.options)).toEqual(options)
  })

  test.each([
    '',
    PLAIN,
    `${PLAIN} user_a="secret";`,
    `${PLAIN} required user_a="secret"`,
    `${PLAIN} required user_a="secret;`,
    `${PLAIN} required user_a "secret";`,
    `${PLAIN} required user_a="secret"; ${PLAIN} required;`,
  ])('%s is none, and the message has no secret', (text) => {
    let message = ''
    try {
      parseJaas(text)
    } catch (error) {
      expect(error).toBeInstanceOf(SyntaxError)
      ;({ message } = error as Error)
    }
    expect(message).not.toBe('')
    expect(message).not.toContain('secret')
  })
})
